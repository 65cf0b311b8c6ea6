//! Clients that close their side of the connection when they have sent their request, and those that are gone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_tests::http;
use tasks_tests::process::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::lifecycle::program;

/// What may come before an answer that takes long.
const INTERIM: &str = "HTTP/1.1 100 Continue\r\n\r\n";

fn start() -> Server {
    Server::start_program(program(), [("JOBS", "1"), ("WORKERS", "1")]).unwrap()
}

fn request(version: &str, path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/{version}\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn sleep(version: &str, milliseconds: u64) -> Vec<u8> {
    let body = json!({"params": {"milliseconds": milliseconds}}).to_string();
    request(version, "/api/v1/tasks/sleep/$execute", &body)
}

/// The status and the JSON of the one answer.
fn parse(answer: &str) -> (u16, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (status, serde_json::from_str(body).unwrap_or_default())
}

async fn ask(server: &Server, request: &[u8]) -> String {
    let answer = http::half_closed(server.address(), request).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn in_flight(server: &Server) -> bool {
    let response = http::client().unwrap().get(server.url("/metrics"));
    let text = response.send().await.unwrap().text().await.unwrap();
    text.contains("tasks_executions_in_flight{task=\"sleep\"} 1")
}

async fn until_in_flight(server: &Server, expected: bool) -> Duration {
    let began = Instant::now();
    while in_flight(server).await != expected {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{}",
            server.output()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_closes_one_side_gets_the_answer() {
    let server = start();
    let quick = ask(&server, &sleep("1.1", 10)).await;
    assert!(quick.starts_with("HTTP/1.1 200 OK\r\n"), "{quick}");
    assert_eq!(parse(&quick).1["result"], 10);

    let slow = ask(&server, &sleep("1.1", 1000)).await;
    let final_answer = slow.strip_prefix(INTERIM).unwrap_or(&slow);
    assert!(!final_answer.contains("100 Continue"), "once: {slow}");
    let (status, answer) = parse(final_answer);
    assert_eq!((status, &answer["result"]), (200, &json!(1000)), "{slow}");

    // A version that knows no interim answers gets none.
    let old = ask(&server, &sleep("1.0", 1000)).await;
    let (status, answer) = parse(&old);
    assert_eq!((status, &answer["result"]), (200, &json!(1000)), "{old}");

    // Two requests at once, and both answers.
    let both = [sleep("1.1", 300), sleep("1.1", 301)].concat();
    let both = ask(&server, &both).await;
    assert_eq!(both.matches("HTTP/1.1 200 OK").count(), 2, "{both}");
    let (first, second) = (both.find("\"result\":300"), both.find("\"result\":301"));
    assert!(first.is_some() && first < second, "{both}");

    // A client that says nothing at all.
    assert_eq!(ask(&server, b"").await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_submits_is_stored_and_answered() {
    let server = start();
    let body = json!({"params": {"milliseconds": 1}}).to_string();
    let submit = request("1.1", "/api/v1/tasks/sleep/$submit", &body);
    let mut ids = Vec::new();
    for _ in 0..20 {
        let answer = ask(&server, &submit).await;
        let answer = answer.strip_prefix(INTERIM).unwrap_or(&answer);
        let (status, record) = parse(answer);
        assert_eq!(status, 202, "{answer}");
        ids.push(record["id"].as_str().unwrap().to_owned());
    }
    let (_, jobs) = http::get(&server.url("/api/v1/jobs?size=100"))
        .await
        .unwrap();
    assert_eq!(jobs["total"], 20, "{jobs}");
    for id in ids {
        let found = http::get(&server.url(&format!("/api/v1/jobs/{id}"))).await;
        assert_eq!(found.unwrap().0, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_arrives_whole() {
    let server = start();
    let content = vec![b'x'; 1_000_000];
    let head = format!(
        "POST /api/v1/artifacts/$upload HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
        content.len()
    );
    for _ in 0..5 {
        let answer = ask(&server, &[head.as_bytes(), &content].concat()).await;
        let answer = answer.strip_prefix(INTERIM).unwrap_or(&answer);
        let (status, artifact) = parse(answer);
        assert_eq!(
            (status, &artifact["size"]),
            (201, &json!(1_000_000)),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_ends_too_early_is_over() {
    let server = start();
    let began = Instant::now();
    let whole = sleep("1.1", 60_000);
    for cut in [10, whole.len() - 5] {
        let answer = ask(&server, &whole[..cut]).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    let mut large = request("1.1", "/api/v1/tasks/sleep/$execute", &" ".repeat(200_000));
    large.truncate(150_000);
    let answer = ask(&server, &large).await;
    let answer = answer.strip_prefix(INTERIM).unwrap_or(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(!in_flight(&server).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_cancels() {
    let server = start();
    // The first request of a connection, and one after another.
    for before in [false, true] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        if before {
            stream.write_all(&sleep("1.1", 1)).await.unwrap();
            let mut answer = [0; 4096];
            assert!(stream.read(&mut answer).await.unwrap() > 0);
        }
        stream.write_all(&sleep("1.1", 60_000)).await.unwrap();
        until_in_flight(&server, true).await;
        drop(stream);
        let took = until_in_flight(&server, false).await;
        // It is half a second, on a machine that has nothing else to do.
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_those_who_are_gone_make_place() {
    let server = start();
    let open = async || {
        let request = http::client().unwrap().get(server.url("/health/$stream"));
        request.send().await.unwrap()
    };
    let mut streams = Vec::new();
    while streams.len() < 32 {
        let stream = open().await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    assert_eq!(open().await.status(), 429);
    drop(streams);
    let began = Instant::now();
    while open().await.status() != 200 {
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_done_after_the_last_request_of_a_connection() {
    let server = start();
    let post = |last: bool| {
        let post = String::from_utf8(sleep("1.1", 1)).unwrap();
        let close = if last {
            "localhost\r\nconnection: close"
        } else {
            "localhost"
        };
        post.replacen("host: localhost", &format!("host: {close}"), 1)
    };
    let done = async |requests: String| {
        let answer = http::raw(server.address(), requests.as_bytes()).await;
        let answer = String::from_utf8(answer.unwrap()).unwrap();
        (answer.matches("\"task_name\"").count(), answer)
    };
    let (count, answer) = done(post(false) + &post(true)).await;
    assert_eq!(count, 2, "{answer}");
    let (count, answer) = done(post(true) + &post(false)).await;
    assert_eq!(count, 1, "{answer}");
}
