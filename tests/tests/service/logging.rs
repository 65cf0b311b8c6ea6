//! The log of a service.

use serde_json::{Value, json};
use tasks_tests::http;
use tasks_tests::process::Server;

use super::lifecycle::program;

const KEY: &str = "ops-0123456789abcdef";

/// Asks for this and that, and waits until the last of it is in the log.
async fn log_of(environment: &[(&str, &str)]) -> String {
    let server = Server::start_program(program(), environment.iter().copied()).unwrap();
    let client = http::client().unwrap();
    let login = client
        .post(server.url("/api/v1/tasks/login/$execute"))
        .header("x-request-id", "login-1")
        .header("x-api-key", KEY)
        .json(&json!({"params": {"password": "hunter2"}}));
    login.send().await.unwrap();
    client
        .get(server.url("/panics"))
        .header("x-api-key", KEY)
        .send()
        .await
        .unwrap();
    client
        .get(server.url("/api/v1/tasks?tag=x"))
        .header("x-api-key", "wrong-key")
        .send()
        .await
        .unwrap();
    let last = client
        .get(server.url("/health"))
        .header("x-request-id", "the-last-one");
    last.send().await.unwrap();
    while !server.stderr().contains("the-last-one") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let log = server.stderr();
    for secret in ["hunter2", KEY, "wrong-key"] {
        assert!(
            !server.output().contains(secret),
            "{secret}: {}",
            server.output()
        );
    }
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_per_request_as_json() {
    let keys = format!("ops:{KEY}");
    let log = log_of(&[
        ("LOG_FORMAT", "json"),
        ("LOG_LEVEL", "info"),
        ("TASKS_API_KEYS", &keys),
    ])
    .await;
    let lines: Vec<Value> = log
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let request = |path: &str| {
        let mut found = lines
            .iter()
            .filter(|line| line["message"] == "request" && line["path"] == path);
        let line = found.next().unwrap_or_else(|| panic!("{path}: {log}"));
        assert!(found.next().is_none(), "{path} is there twice: {log}");
        line
    };
    let login = request("/api/v1/tasks/login/$execute");
    assert_eq!(
        (
            &login["request_id"],
            &login["method"],
            &login["status"],
            &login["level"]
        ),
        (
            &json!("login-1"),
            &json!("POST"),
            &json!(200),
            &json!("INFO")
        )
    );
    assert_eq!(login["route"], "/api/v1/tasks/{name}/$execute");
    assert!(login["duration_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(login["key"], "ops");
    let panicked = request("/panics");
    assert_eq!(
        (&panicked["status"], &panicked["level"]),
        (&json!(500), &json!("ERROR"))
    );
    // A query is not in the log: somebody may have put a secret into it.
    assert_eq!(request("/api/v1/tasks")["status"], 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_per_request_for_people() {
    let log = log_of(&[("LOG_LEVEL", "info")]).await;
    let line = log
        .lines()
        .find(|line| line.contains("login-1") && line.contains("request"))
        .unwrap();
    for part in [
        "INFO",
        "method=\"POST\"",
        "status=200",
        "duration_ms=",
        "request_id=\"login-1\"",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_holds_its_thread_is_named_once_a_minute() {
    let server = Server::start_program(program(), [("LOG_LEVEL", "warn")]).unwrap();
    let compute = async |milliseconds: u64| {
        let body = json!({"params": {"milliseconds": milliseconds}});
        let url = server.url("/api/v1/tasks/compute/$execute");
        let (status, answer) = http::post(&url, &body).await.unwrap();
        assert_eq!(
            (status.as_u16(), &answer["error"]),
            (200, &Value::Null),
            "{answer}"
        );
    };
    compute(1).await;
    compute(150).await;
    compute(150).await;
    // Later than both: what it logs comes after what they log.
    http::get(&server.url("/panics")).await.unwrap();
    while !server.stderr().contains("a handler panicked") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let log = server.stderr();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("compute"))
        .collect();
    let [line] = lines[..] else {
        panic!("one line is expected: {log}")
    };
    for part in [
        "WARN",
        "`compute`",
        "held its thread for 1",
        "plain `fn`",
        "spawn_blocking",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_level_decides_what_is_written() {
    let warning = Server::start_program(program(), [("LOG_LEVEL", "WARNING")]).unwrap();
    let client = http::client().unwrap();
    client.get(warning.url("/panics")).send().await.unwrap();
    while !warning.stderr().contains("a handler panicked") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let error = Server::start_program(program(), [("LOG_LEVEL", "inof")]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`inof` cannot be what is logged"),
        "{error}"
    );
    let server = Server::start_program(program(), [("LOG_LEVEL", "error")]).unwrap();
    assert_eq!(http::get(&server.url("/health")).await.unwrap().0, 200);
    assert_eq!(server.stderr(), "");
}
