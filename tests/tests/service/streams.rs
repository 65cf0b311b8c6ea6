//! Streams of events: how many there may be, and for whom.

use futures_util::StreamExt as _;
use tasks_tests::http;
use tasks_web::{ApiKey, ApiKeys};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

async fn open(app: &Running, path: &str, forwarded: Option<&str>) -> reqwest::Response {
    let mut request = http::client().unwrap().get(app.url(path));
    if let Some(address) = forwarded {
        request = request.header("x-forwarded-for", address);
    }
    request.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_so_many_from_one_address_and_in_all() {
    let path = "/health/$stream";
    let app = serve(builder().with_health().max_streams(10, 2)).await;
    // Who is no proxy may say what it likes.
    let first = open(&app, path, Some("192.0.2.1")).await;
    let second = open(&app, path, Some("192.0.2.2")).await;
    assert_eq!(
        (first.status().as_u16(), second.status().as_u16()),
        (200, 200)
    );
    let refused = open(&app, path, Some("192.0.2.3")).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "5");
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "urn:tasks:problem:too-many-streams");
    // One that is closed makes place.
    drop(first);
    while open(&app, path, None).await.status() != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    let proxied = builder()
        .with_health()
        .max_streams(3, 2)
        .trusted_proxies(["127.0.0.0/8"]);
    let app = serve(proxied).await;
    let mut kept = Vec::new();
    for (address, status) in [
        ("192.0.2.1", 200),
        ("192.0.2.1", 200),
        ("192.0.2.1", 429),
        // What the client says itself stands before what the proxy saw.
        ("192.0.2.9, 192.0.2.1", 429),
        ("192.0.2.2", 200),
        ("192.0.2.3", 429),
    ] {
        let stream = open(&app, path, Some(address)).await;
        assert_eq!(stream.status(), status, "{address}");
        kept.push(stream);
    }
}

/// Which knows no chunks: it would take their lengths for events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_http_1_0_gets_events_without_chunks() {
    let app = serve(builder().with_health()).await;
    let mut socket = TcpStream::connect(app.address()).await.unwrap();
    let request = b"GET /health/$stream HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\n\n") {
        assert!(socket.read_buf(&mut answer).await.unwrap() > 0);
    }
    let answer = String::from_utf8(answer).unwrap();
    let (head, events) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.0 200"), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert!(!head.contains("keep-alive"), "{head}");
    assert!(events.starts_with("id: 1\ndata: {"), "{events}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_as_it_changes_needs_a_key_where_there_are_keys() {
    let secret = "ops-0123456789abcdef";
    let keys = ApiKeys::new().key(ApiKey::new("ops", secret));
    let app = serve(builder().with_health().with_auth(keys)).await;
    assert_eq!(open(&app, "/health", None).await.status(), 200);
    assert_eq!(open(&app, "/health/$stream", None).await.status(), 401);
    let request = http::client().unwrap().get(app.url("/health/$stream"));
    let stream = request.header("x-api-key", secret).send().await.unwrap();
    assert_eq!(stream.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_ends_tells_browsers_not_to_come_back() {
    let service = builder().with_health().build().await.unwrap();
    let app = Running::service(&service);
    let stream = open(&app, "/health/$stream", None).await;
    let mut events = stream.bytes_stream();
    assert!(events.next().await.unwrap().is_ok());
    service.shutdown().await;
    assert!(events.next().await.is_none(), "it has ended");
    assert_eq!(open(&app, "/health/$stream", None).await.status(), 204);
}
