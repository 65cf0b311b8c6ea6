//! A client that costs as little as possible: the server is what is measured.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// No answer takes that long, not even of a server under valgrind.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One connection that is kept.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    pub(super) fn send(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).context("cannot send")
    }

    /// Waits for the whole answer, and gives back its body.
    pub(super) fn receive(&mut self) -> Result<&[u8]> {
        self.buffer.clear();
        let mut chunk = [0; 64 * 1024];
        let (head, length) = loop {
            let read = self.stream.read(&mut chunk).context("no answer")?;
            if read == 0 {
                bail!("the server hung up");
            }
            self.buffer.extend_from_slice(&chunk[..read]);
            if let Some(parsed) = head(&self.buffer)? {
                break parsed;
            }
        };
        let missing = (head + length).saturating_sub(self.buffer.len());
        let end = self.buffer.len();
        self.buffer.resize(end + missing, 0);
        self.stream
            .read_exact(&mut self.buffer[end..])
            .context("half an answer")?;
        Ok(&self.buffer[head..head + length])
    }

    pub(super) fn ask(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.send(request)?;
        self.receive()
    }
}

/// Where the head of an answer ends and how long its body is, once the head is there. An answer that is not 200 is an
/// error: a benchmark of those would be a mistake.
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    if !head.starts_with("HTTP/1.1 200 ") {
        bail!("not 200:\n{}", String::from_utf8_lossy(bytes));
    }
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .context("an answer without content-length")?;
    Ok(Some((end + 4, length)))
}

/// Asks `count` times over some connections: all send, then all receive.
pub(super) fn load(connections: &mut [Connection], request: &[u8], count: u32) -> Result<()> {
    let mut left = count as usize;
    while left > 0 {
        let batch = left.min(connections.len());
        for connection in &mut connections[..batch] {
            connection.send(request)?;
        }
        for connection in &mut connections[..batch] {
            connection.receive()?;
        }
        left -= batch;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn heads_are_read_once_they_are_whole() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap(), None);
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(head(whole).unwrap(), Some((38, 2)));
        assert!(head(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").is_err());
    }
}
