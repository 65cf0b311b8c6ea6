//! The port for those who run the service.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use tasks_tests::http;
use tasks_tests::process::Server;

use super::lifecycle::program;
use super::*;

/// Where the management port of a process is.
fn management(server: &Server) -> String {
    let began = Instant::now();
    loop {
        let out = server.stdout();
        if let Some((_, rest)) = out.split_once("Management on ") {
            return rest.split_whitespace().next().unwrap().to_owned();
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{out}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_are_answered_while_every_worker_computes() {
    const THREADS: usize = 3;
    const WORKERS: usize = 2;
    let folder = tempfile::tempdir().unwrap();
    let enough = folder.path().join("enough");
    let environment = [
        ("MANAGEMENT", "127.0.0.1:0"),
        ("WORKERS", "2"),
        ("ENOUGH", enough.to_str().unwrap()),
    ];
    let mut server = Server::start_program(program(), environment).unwrap();
    let base = management(&server);
    for path in ["/health", "/metrics"] {
        let (status, problem) = http::get(&server.url(path)).await.unwrap();
        assert_eq!(status, 404, "{path} is on the management port: {problem}");
    }
    let compute = |task: &str| {
        let url = server.url(&format!("/api/v1/tasks/{task}/$execute"));
        // Each on a connection of its own: the workers take turns.
        tokio::spawn(
            async move { http::post(&url, &json!({"params": {"milliseconds": 60_000}})).await },
        )
    };
    let under_way = async |task: &str, expected: usize| {
        let line = format!("tasks_executions_in_flight{{task=\"{task}\"}} {expected}\n");
        let began = Instant::now();
        loop {
            let answer = reqwest::get(format!("{base}/metrics")).await.unwrap();
            let metrics = answer.text().await.unwrap();
            if metrics.contains(&line) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{metrics}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let mut computing = Vec::new();
    for (task, count) in [("compute_on_a_thread", THREADS), ("compute", WORKERS)] {
        for _ in 0..count {
            computing.push(compute(task));
        }
        under_way(task, count).await;
    }
    let client = http::client().unwrap();
    let mut took = Vec::new();
    for _ in 0..21 {
        let began = Instant::now();
        let (status, health) = http::answer(client.get(format!("{base}/health")))
            .await
            .unwrap();
        took.push(began.elapsed());
        assert_eq!(
            (status.as_u16(), &health["status"]),
            (200, &json!("healthy"))
        );
        // Not the answer of a moment ago.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    assert!(
        computing.iter().all(|task| !task.is_finished()),
        "all were busy all the time"
    );
    took.sort_unstable();
    // It is a few milliseconds, unless the machine has other things to do. A worker would answer after a minute.
    assert!(took[10] < Duration::from_secs(1), "{took:?}");

    // And until the end of the drain.
    server.signal(Signal::TERM).unwrap();
    server.stderr_with("stopping", 1).unwrap();
    let (status, _) = http::get(&format!("{base}/health")).await.unwrap();
    assert_eq!(status, 200);
    assert!(
        computing.iter().any(|task| !task.is_finished()),
        "it is answered before the end"
    );
    std::fs::write(&enough, "").unwrap();
    for task in computing {
        assert_eq!(task.await.unwrap().unwrap().0, 200);
    }
    assert!(
        server
            .wait(Duration::from_secs(20))
            .unwrap()
            .unwrap()
            .success()
    );
    assert!(http::get(&format!("{base}/health")).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_hold_on_both_ports() {
    let environment = [
        ("MANAGEMENT", "127.0.0.1:0"),
        ("TASKS_API_KEYS", "ops:correct-horse-battery"),
    ];
    let server = Server::start_program(program(), environment).unwrap();
    let base = management(&server);
    assert_eq!(http::get(&format!("{base}/health")).await.unwrap().0, 200);
    let client = http::client().unwrap();
    let metrics = client.get(format!("{base}/metrics"));
    let answer = metrics.try_clone().unwrap().send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().contains_key("x-request-id"));
    let metrics = metrics.header("x-api-key", "correct-horse-battery");
    assert_eq!(metrics.send().await.unwrap().status(), 200);
    let (status, _) = http::get(&format!("{base}/api/v1/tasks")).await.unwrap();
    assert_eq!(status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_taken_is_an_error_at_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = Server::start_program(program(), [("MANAGEMENT", address.as_str())])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&format!("cannot listen on {address} for management")),
        "{error}"
    );
    let error = builder()
        .management_bind("127.0.0.1:0")
        .build()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("there is nothing to serve on it"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documents_of_the_main_port_are_about_the_main_port() {
    let service = builder()
        .with_health()
        .with_system()
        .with_landing_page()
        .management_bind("127.0.0.1:0");
    let app = serve(service).await;
    let (_, document) = http::get(&app.url("/openapi.json")).await.unwrap();
    assert!(document["paths"]["/health"].is_null(), "{document}");
    assert!(document["paths"]["/api/v1/info"].is_object(), "{document}");
    let page = reqwest::get(app.url("/"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(!page.contains("/health"), "{page}");
}

/// A program that begins with these limits of open files.
fn limited(folder: &std::path::Path, limits: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let script = folder.join("limited");
    let text = format!("#!/bin/sh\n{limits}\nexec '{}'\n", program().display());
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// Connections on which half of a request has come, as slow clients have them.
async fn half_requests(server: &Server, count: usize) -> Vec<tokio::net::TcpStream> {
    use tokio::io::AsyncWriteExt as _;
    let mut open = Vec::new();
    for _ in 0..count {
        let mut stream = tokio::net::TcpStream::connect(server.address())
            .await
            .unwrap();
        stream
            .write_all(b"GET /api/v1/tasks HTTP/1.1\r\nHost: a\r\n")
            .await
            .unwrap();
        open.push(stream);
    }
    open
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_has_as_many_connections_as_it_may() {
    let folder = tempfile::tempdir().unwrap();
    // As most systems have it: less is used than may be.
    let script = limited(folder.path(), "ulimit -Hn 2000; ulimit -Sn 100");
    let server = Server::start_program(&script, [("MANAGEMENT", "127.0.0.1:0")]).unwrap();
    let open = half_requests(&server, 300).await;
    let (status, _) = http::get(&server.url("/api/v1/tasks")).await.unwrap();
    assert_eq!(status, 200);
    drop(open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_may_open_no_more_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let script = limited(folder.path(), "ulimit -n 120");
    let server = Server::start_program(&script, [("MANAGEMENT", "127.0.0.1:0")]).unwrap();
    let url = format!("{}/health", management(&server));
    // Of which one connection is there before: a new one might have to wait.
    let client = reqwest::Client::new();
    let ask = async || {
        let answer = client.get(&url).send().await.unwrap();
        answer.json::<serde_json::Value>().await.unwrap()
    };
    let health = ask().await;
    assert_eq!(health["checks"].get("open_files"), None, "{health}");
    let began = Instant::now();
    let open = 'degraded: loop {
        // They are disconnected after some seconds.
        let open = half_requests(&server, 200).await;
        for _ in 0..40 {
            let health = ask().await;
            if health["status"] == "degraded" {
                let message = health["checks"]["open_files"]["message"].as_str();
                assert!(message.unwrap().contains("LimitNOFILE"), "{health}");
                break 'degraded open;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{health}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    drop(open);
    loop {
        let health = ask().await;
        if health["status"] == "healthy" {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{health}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[test]
fn a_service_that_may_open_next_to_nothing_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let script = limited(folder.path(), "ulimit -n 40");
    let error = Server::start_program(&script, [("MANAGEMENT", "127.0.0.1:0")]).unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("needs 64 at least"), "{text}");
}
