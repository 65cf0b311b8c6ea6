//! Clients that do not read what they are sent, and those that read it slowly.

use std::time::{Duration, Instant};

use tasks_tests::http;
use tasks_tests::process::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::lifecycle::program;

/// More than the system takes for a client that does not read.
const SIZE: usize = 40_000_000;

/// How long it takes by default until a client that reads nothing is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(30);

async fn download(server: &Server, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads what is still to come, and says how much that was.
async fn rest(mut stream: TcpStream) -> usize {
    let mut all = 0;
    let mut buffer = vec![0; 1024 * 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return all,
            Ok(read) => all += read,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_is_given_up_and_a_slow_one_is_not() {
    let server = Server::start_program(program(), [("JOBS", "1")]).unwrap();
    let upload = http::client()
        .unwrap()
        .post(server.url("/api/v1/artifacts/$upload"))
        .body(vec![7_u8; SIZE]);
    let (status, artifact) = http::answer(upload).await.unwrap();
    assert_eq!(status, 201, "{artifact}");
    let path = format!(
        "/api/v1/artifacts/{}/$download",
        artifact["id"].as_str().unwrap()
    );

    let deaf = download(&server, &path).await;
    let mut slow = download(&server, &path).await;
    let began = Instant::now();
    let mut read = 0;
    // It reads now and then, for longer than a client is waited for that reads nothing.
    let mut buffer = vec![0; 512 * 1024];
    while began.elapsed() < GIVEN_UP_AFTER + Duration::from_secs(5) {
        read += slow.read(&mut buffer).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert!(read < SIZE / 2, "{read}");
    read += rest(slow).await;
    assert!(read > SIZE, "{read}");
    let got = rest(deaf).await;
    assert!(got < SIZE, "{got}");
}

/// Sends the head of a request with a body in chunks, and then the same piece of it until the connection is closed: how many bytes that were.
async fn endless(server: &Server, task: &str, start: &str, piece: &[u8]) -> usize {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "POST /api/v1/tasks/{task}/$execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{start}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut answer, mut stream) = stream.split();
    let read = async {
        let mut all = Vec::new();
        _ = answer.read_to_end(&mut all).await;
        all
    };
    let write = async {
        let mut sent = 0;
        while sent < 256 * 1024 * 1024 && stream.write_all(piece).await.is_ok() {
            sent += piece.len();
        }
        sent
    };
    let (_, sent) = tokio::join!(read, write);
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_of_a_refused_body_is_not_read_for_ever() {
    let server = Server::start_program(program(), [("JOBS", "1")]).unwrap();
    let chunk = [b"ffff\r\n", [b'a'; 65_535].as_slice(), b"\r\n"].concat();
    let extension = vec![b'a'; 65_536];
    for (task, start, piece) in [
        // Too long, and not found.
        ("sleep", "", &chunk),
        ("nothing-of-that-name", "", &chunk),
        ("nothing-of-that-name", "12;", &extension),
    ] {
        // Systems hold a few megabytes of what is not read.
        let sent = endless(&server, task, start, piece).await;
        assert!(sent < 32 * 1024 * 1024, "{task}: {sent}");
    }
    let (status, _) = http::answer(http::client().unwrap().get(server.url("/health")))
        .await
        .unwrap();
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_goes_on_after_the_rest_of_a_refused_body() {
    let server = Server::start_program(program(), [("JOBS", "1")]).unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = "POST /api/v1/tasks/nothing-of-that-name/$execute HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{}  \r\n";
    for _ in 0..3 {
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        // The rest of the body comes after the answer.
        for _ in 0..10 {
            stream.write_all(b"4\r\n    \r\n").await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    }
    // The rest of this one never comes.
    stream.write_all(head.as_bytes()).await.unwrap();
    let began = Instant::now();
    rest(stream).await;
    assert!(began.elapsed() < Duration::from_secs(20));
}
