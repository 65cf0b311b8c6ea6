//! The clock of the machine is set back while jobs wait for a time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;

use crate::fleet::Process;

/// A clock of which programs think that it is the machine's.
struct WallClock {
    library: PathBuf,
    file: PathBuf,
}

impl WallClock {
    fn new(folder: &Path) -> Self {
        let below = std::fs::read_dir("/usr/lib")
            .into_iter()
            .flatten()
            .flatten();
        let folders = below.map(|entry| entry.path());
        let library = folders
            .chain(["/usr/lib".into(), "/usr/lib64".into()])
            .map(|folder| folder.join("faketime/libfaketime.so.1"))
            .find(|library| library.is_file());
        let clock = Self {
            library: library.expect(
                "libfaketime is needed, and not below /usr/lib: `cargo xtask test setup` installs it or says how",
            ),
            file: folder.join("clock"),
        };
        clock.set("+0");
        clock
    }

    /// Sets it by so much from now on.
    fn set(&self, offset: &str) {
        std::fs::write(&self.file, offset).unwrap();
    }

    fn start(&self, test: &TestDatabase) -> Process {
        let environment = [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        Process::start(test, &environment)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_stalls_nothing() {
    let test = TestDatabase::sqlite();
    let clock = WallClock::new(test.folder());
    let first = clock.start(&test);
    first
        .execute("plan", json!({"task": "sleep", "params": {"seconds": 0.0}}))
        .await;
    let delayed = json!({"params": {"seconds": 0.0}, "delay": 4});
    let waiting = first.submit_with("sleep", delayed.clone()).await;
    let flaky = first.submit("flaky", json!({"works_at": 4})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    clock.set("-3600");
    let began = Instant::now();
    // Of one that was submitted before, one that fails and is tried again, one that is submitted now, and a schedule.
    let later = first.submit_with("sleep", delayed.clone()).await;
    for id in [&waiting, &flaky, &later] {
        first.until(id, "completed", Duration::from_secs(12)).await;
    }
    let took = began.elapsed();
    assert!(took > Duration::from_millis(3500), "{took:?}");
    let runs = async |process: &Process| {
        let url = process.0.url("/api/v1/jobs?schedule=each-second-sleep");
        let (_, runs) = http::get(&url).await.unwrap();
        runs.as_array().unwrap().len()
    };
    let before = runs(&first).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = runs(&first).await;
    assert!((2..=5).contains(&(after - before)), "{before} and {after}");
    let (status, health) = first.health().await;
    let message = health["checks"]["jobs"]["message"].as_str().unwrap();
    assert_eq!(status, 200, "{health}");
    assert!(
        message.contains("the clock of this machine was set back by 3600."),
        "{message}"
    );

    // One that starts now goes by the same time: what it puts off is not due at once for the other.
    let second = clock.start(&test);
    let began = Instant::now();
    let later = second.submit_with("sleep", delayed.clone()).await;
    let job = second
        .until(&later, "completed", Duration::from_secs(12))
        .await;
    let took = began.elapsed();
    assert!(took > Duration::from_millis(3500), "{took:?}: {job}");
    first.terminate().await;
    let job = second.submit_with("sleep", delayed).await;
    second
        .until(&job, "completed", Duration::from_secs(12))
        .await;
    second.terminate().await;

    // Once all have ended, it is the time that the machine says.
    let third = clock.start(&test);
    let id = third.submit("sleep", json!({"seconds": 0.0})).await;
    let job = third.until(&id, "completed", Duration::from_secs(10)).await;
    let before = first_submitted(&third, &waiting).await;
    assert!(
        job["submitted_at"].as_str().unwrap() < before.as_str(),
        "{job}"
    );
    // What was planned before waits, and the health says so.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (status, health) = third.health().await;
    let message = health["checks"]["jobs"]["message"].as_str().unwrap();
    assert_eq!((status, &health["status"]), (200, &json!("degraded")));
    assert!(
        message.contains("the newest job was submitted 35"),
        "{message}"
    );
    third.terminate().await;
}

async fn first_submitted(process: &Process, id: &str) -> String {
    let job = process.job(id).await;
    job["submitted_at"].as_str().unwrap().to_owned()
}
