//! Large files go through a service without being in its memory.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use bytes::Bytes;
use futures_util::StreamExt as _;
use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;
use tasks_tests::process::Server;

const BLOCK: usize = 256 * 1024;
/// 200 MiB.
const BLOCKS: usize = 800;
const SIZE: usize = BLOCK * BLOCKS;
/// By how much the service may grow.
const ROOM_KIB: u64 = 64 * 1024;

fn block(number: usize) -> Bytes {
    Bytes::from(vec![u8::try_from(number % 251).unwrap(); BLOCK])
}

/// As it is made: the test does not have it in memory either.
fn body() -> reqwest::Body {
    let blocks = (0..BLOCKS).map(|number| Ok::<_, std::io::Error>(block(number)));
    reqwest::Body::wrap_stream(futures_util::stream::iter(blocks))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_megabytes_up_and_down() {
    let test = TestDatabase::sqlite();
    let server = Server::start(
        "artifact-service",
        [("DATABASE_URL", test.url()), ("LOG_LEVEL", "warn")],
    )
    .unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let upload = server.url("/api/v1/artifacts/$upload");
    // Whatever the first use of anything takes.
    let small = client.post(&upload).body(vec![0; 100_000]);
    assert_eq!(small.send().await.unwrap().status(), StatusCode::CREATED);
    let before = server.rss_kib().unwrap();

    let form = Form::new().part("file", Part::stream_with_length(body(), SIZE as u64));
    for request in [
        client.post(&upload).body(body()),
        client.post(&upload).multipart(form),
    ] {
        let (status, uploaded): (StatusCode, Value) = http::answer(request).await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{uploaded}");
        assert_eq!(uploaded["size"], SIZE);
        let id = uploaded["id"].as_str().unwrap();
        let url = server.url(&format!("/api/v1/artifacts/{id}/$download"));
        let mut download = client.get(url).send().await.unwrap().bytes_stream();
        let mut position = 0;
        while let Some(piece) = download.next().await {
            let piece = piece.unwrap();
            let expected = |at: usize| u8::try_from(at / BLOCK % 251).unwrap();
            assert_eq!(piece[0], expected(position));
            position += piece.len();
            assert_eq!(piece[piece.len() - 1], expected(position - 1));
        }
        assert_eq!(position, SIZE);
    }
    let peak = server.peak_rss_kib().unwrap();
    assert!(
        peak < before + ROOM_KIB,
        "the service grew from {before} to {peak} KiB\n{}",
        server.output()
    );
}
