//! A log that cannot be written.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tasks_tests::http;

use super::lifecycle::program;

/// A process whose standard error is this, and where it listens.
struct Logging {
    child: Child,
    base: String,
}

impl Drop for Logging {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Logging {
    fn start(stderr: impl Into<Stdio>, level: &str) -> Self {
        let mut child = Command::new(program())
            .env("PORT", "0")
            .env("LOG_LEVEL", level)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let base = line.split_whitespace().nth(2).unwrap().to_owned();
        Self { child, base }
    }

    async fn lost(&self) -> f64 {
        let text = reqwest::get(format!("{}/metrics", self.base))
            .await
            .unwrap();
        let text = text.text().await.unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("tasks_log_lines_lost_total "));
        line.unwrap().parse().unwrap()
    }

    /// It answers, and the panic of a handler does not end it.
    async fn works(&self) {
        for _ in 0..3 {
            assert_eq!(
                http::get(&format!("{}/health", self.base)).await.unwrap().0,
                200
            );
            assert_eq!(
                http::get(&format!("{}/panics", self.base)).await.unwrap().0,
                500
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_that_nobody_reads_costs_lines() {
    // From the start.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let server = Logging::start(writer, "info");
    server.works().await;
    assert!(server.lost().await >= 6.0);

    // And from some time on.
    let (mut reader, writer) = std::io::pipe().unwrap();
    let server = Logging::start(writer, "info");
    server.works().await;
    assert!(reader.read(&mut [0; 64]).unwrap() > 0);
    assert_eq!(server.lost().await, 0.0);
    drop(reader);
    server.works().await;
    assert!(server.lost().await >= 6.0);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_lines() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .custom_flags(0)
        .open("/dev/full")
        .unwrap();
    let server = Logging::start(full, "info");
    server.works().await;
    assert!(server.lost().await >= 6.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_keep_up_stops_nobody() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let server = Logging::start(writer, "trace,h2=off");
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    let client = http::client().unwrap();
    // A pipe holds 64 KiB, and as much as a mebibyte waits behind it.
    while server.lost().await == 0.0 {
        for _ in 0..100 {
            let asked = Instant::now();
            let answer = client.get(format!("{}/health", server.base)).send().await;
            assert_eq!(answer.unwrap().status(), 200);
            slowest = slowest.max(asked.elapsed());
        }
        assert!(began.elapsed() < Duration::from_secs(50));
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    // Whole lines, once somebody reads.
    let reading = std::thread::spawn(move || {
        let mut text = vec![0; 512 * 1024];
        reader.read_exact(&mut text).unwrap();
        text
    });
    let text = String::from_utf8(reading.join().unwrap()).unwrap();
    assert!(text.lines().count() > 100);
}
