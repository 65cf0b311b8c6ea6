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
        self.start_with(test, &[])
    }

    fn start_with(&self, test: &TestDatabase, more: &[(&str, &str)]) -> Process {
        let environment = [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        Process::start(test, &[environment.as_slice(), more].concat())
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

/// What schedules have planned by a clock that was ahead is planned again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_of_a_clock_that_was_ahead_do_not_wait_for_it() {
    let test = TestDatabase::sqlite();
    let clock = WallClock::new(test.folder());
    clock.set("+400d");
    let declared = ("DECLARE", "declared:60");
    let ahead = clock.start_with(&test, &[declared]);
    let params = json!({"seconds": 0.0});
    let put = async |process: &Process, name: &str| {
        let url = process.0.url(&format!("/api/v1/schedules/{name}"));
        let body = json!({"task_name": "sleep", "params": params, "cron": "30 2 * * *"});
        let answer = reqwest::Client::new()
            .put(url)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    };
    put(&ahead, "nightly").await;
    put(&ahead, "paused").await;
    let pause = ahead.0.url("/api/v1/schedules/paused/$pause");
    http::post(&pause, &json!({})).await.unwrap();
    ahead.terminate().await;

    clock.set("+0");
    let process = clock.start_with(&test, &[declared]);
    let soon = async |name: &str, within: Duration| {
        let deadline = Instant::now() + Duration::from_secs(10);
        let latest = chrono::Utc::now() + within;
        loop {
            let url = process.0.url(&format!("/api/v1/schedules/{name}"));
            let (_, schedule) = http::get(&url).await.unwrap();
            let next = schedule["next_runs"][0].as_str();
            let next = next.and_then(|next| next.parse::<chrono::DateTime<chrono::Utc>>().ok());
            if next.is_some_and(|next| next < latest) {
                return;
            }
            assert!(Instant::now() < deadline, "{schedule}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    soon("declared", Duration::from_secs(70)).await;
    soon("nightly", Duration::from_secs(25 * 3600)).await;
    let url = process.0.url("/api/v1/schedules/paused");
    let (_, schedule) = http::get(&url).await.unwrap();
    assert_eq!(schedule["paused"], true);
    let resume = process.0.url("/api/v1/schedules/paused/$resume");
    http::post(&resume, &json!({})).await.unwrap();
    soon("paused", Duration::from_secs(25 * 3600)).await;
    let output = process.0.output();
    for name in ["declared", "nightly"] {
        let lines = output.lines();
        let said = lines.filter(|line| {
            line.contains("was planned while a clock was ahead") && line.contains(name)
        });
        assert_eq!(said.count(), 1, "{output}");
    }
}
