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
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
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
