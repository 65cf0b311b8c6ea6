//! Keeps the beginning of a stream.

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What was read of a stream, up to a limit.
#[derive(Debug)]
pub(super) struct Capture {
    bytes: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl Capture {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            truncated: false,
        }
    }

    /// Reads to the end; what is beyond the limit is thrown away, so that the command does not block on a full pipe.
    pub(super) async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else { return };
        let mut chunk = vec![0; 16 * 1024];
        // An error ends a stream as its end does: there is nothing more to read.
        while let Ok(length @ 1..) = stream.read(&mut chunk).await {
            let kept = length.min(self.limit - self.bytes.len());
            self.bytes.extend_from_slice(&chunk[..kept]);
            self.truncated |= kept < length;
        }
    }

    pub(super) fn finish(self) -> (String, bool) {
        let Self {
            mut bytes,
            truncated,
            ..
        } = self;
        if truncated {
            // The limit may have cut a character in two.
            let whole = match std::str::from_utf8(&bytes) {
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                _ => bytes.len(),
            };
            bytes.truncate(whole);
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        (text, truncated)
    }
}
