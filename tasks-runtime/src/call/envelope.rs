//! The envelope of a result.

use crate::arguments::Echo;

/// What is written before the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// Nothing: the result alone is wanted.
    Bare,
    /// `{"task_name":…,"params":…,"result":`.
    Full,
}

impl Envelope {
    /// Writes what comes before the result.
    pub(crate) fn begin(self, name: &str, echo: &Echo<'_>) -> Vec<u8> {
        /// Room for the keys and a small result.
        const ROOM: usize = 192;
        if self == Self::Bare {
            return Vec::new();
        }
        let mut json = Vec::with_capacity(name.len() + echo.text.len() + ROOM);
        // A task's name needs no escapes: its characters are letters, digits, `_` and `-`.
        json.extend_from_slice(b"{\"task_name\":\"");
        json.extend_from_slice(name.as_bytes());
        json.extend_from_slice(b"\",\"params\":");
        echo.write(&mut json);
        json.extend_from_slice(b",\"result\":");
        json
    }
}
