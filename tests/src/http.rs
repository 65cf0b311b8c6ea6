//! HTTP as a client sees it, and the bytes below it.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long [`raw`] waits for the next byte.
const SILENCE: Duration = Duration::from_secs(2);

/// How long a connection is kept for the next request: well under the 5 s after which the server closes it. Who sends just
/// then gets no answer, and cannot know whether a POST has been done.
const IDLE: Duration = Duration::from_secs(1);

/// A client that goes straight to the server, whatever proxies the environment names, and does not wait for ever.
///
/// # Errors
///
/// If no client can be made on this system.
pub fn client() -> Result<Client> {
    let builder = Client::builder()
        .no_proxy()
        .pool_idle_timeout(IDLE)
        .timeout(Duration::from_secs(30));
    builder.build().context("cannot make an HTTP client")
}

/// The status and the JSON of a GET.
///
/// # Errors
///
/// If there is no answer, or it is not JSON.
pub async fn get(url: &str) -> Result<(StatusCode, Value)> {
    answer(client()?.get(url)).await
}

/// The status and the JSON of a POST of JSON.
///
/// # Errors
///
/// If there is no answer, or it is not JSON.
pub async fn post(url: &str, body: &Value) -> Result<(StatusCode, Value)> {
    answer(client()?.post(url).json(body)).await
}

/// Sends a request of any kind; the status and the JSON of the answer.
///
/// # Errors
///
/// If there is no answer, or it is not JSON.
pub async fn answer(request: RequestBuilder) -> Result<(StatusCode, Value)> {
    let response = request.send().await?;
    let (status, url) = (response.status(), response.url().clone());
    let body = response.bytes().await?;
    let json = serde_json::from_slice(&body).with_context(|| {
        format!(
            "{url} answered {status}, not JSON: {}",
            String::from_utf8_lossy(&body)
        )
    })?;
    Ok((status, json))
}

/// Sends these bytes as they are and returns all that comes back, until the server closes the connection or is silent
/// for two seconds. The connection stays open for writing meanwhile, so half a request stays half a request.
///
/// With `connection: close` in a whole request there is no silence to wait for.
///
/// # Errors
///
/// If the server cannot be reached. A connection that breaks off later is not an error: servers may close it in the
/// middle of a request they do not like.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    let (mut reader, mut writer) = stream.split();
    // Both at once: a large request may be answered before it is sent to the end, and both sides' buffers are finite.
    let (written, received) = tokio::join!(writer.write_all(bytes), receive(&mut reader));
    match written {
        Err(error) if !broken_off(error.kind()) => Err(error).context("cannot send"),
        _ => received,
    }
}

/// Sends these bytes as they are, closes this side of the connection, as `nc -N` does, and returns all that comes back until
/// the server closes the other one.
///
/// # Errors
///
/// If the server cannot be reached, or breaks the connection off.
pub async fn half_closed(address: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    stream.write_all(bytes).await.context("cannot send")?;
    stream.shutdown().await.context("cannot close")?;
    let mut received = Vec::new();
    let all = stream.read_to_end(&mut received);
    timeout(Duration::from_secs(30), all)
        .await
        .context("the server does not close the connection")?
        .context("cannot receive")?;
    Ok(received)
}

/// Sends these bytes as they are and hangs up without reading an answer.
///
/// # Errors
///
/// If the server cannot be reached or does not take the bytes.
pub async fn hang_up(address: SocketAddr, bytes: &[u8]) -> Result<()> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    stream.write_all(bytes).await.context("cannot send")
}

async fn receive(reader: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    let mut received = Vec::new();
    loop {
        match timeout(SILENCE, reader.read_buf(&mut received)).await {
            Err(_) | Ok(Ok(0)) => return Ok(received),
            Ok(Ok(_)) => {}
            Ok(Err(error)) if broken_off(error.kind()) => return Ok(received),
            Ok(Err(error)) => return Err(error).context("cannot receive"),
        }
    }
}

fn broken_off(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
    )
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn server_that_answers(reads: usize, answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            stream
                .read_exact(&mut vec![0; reads])
                .await
                .expect("a request");
            stream.write_all(answer).await.expect("it takes the answer");
            // Dropping it with bytes unread resets the connection.
        });
        address
    }

    #[tokio::test]
    async fn what_came_before_a_reset_is_returned() {
        let address = server_that_answers(1, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let request = vec![b'x'; 8 * 1024 * 1024];
        let answer = raw(address, &request).await.expect("a reset is no error");
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "),
            "{answer:?}"
        );
    }

    #[tokio::test]
    async fn an_answer_that_is_not_json_is_shown() {
        let address =
            server_that_answers(4, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhm").await;
        let error = get(&format!("http://{address}/x"))
            .await
            .expect_err("it is not JSON")
            .to_string();
        assert!(
            error.ends_with("/x answered 200 OK, not JSON: hm"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn half_a_request_stays_open_until_the_server_is_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut received = Vec::new();
            stream
                .read_to_end(&mut received)
                .await
                .expect("an orderly end");
            received
        });
        assert_eq!(
            raw(address, b"POST / HT")
                .await
                .expect("silence is an answer"),
            b""
        );
        assert_eq!(server.await.expect("it does not panic"), b"POST / HT");
    }
}
