//! The parameters as an envelope shows them: as they were sent, with secrets masked.

use super::mask::MASK;

/// The parameters as the caller wrote them, for the echo.
#[derive(Debug, Default)]
pub(crate) struct Echo<'a> {
    /// Empty when there were none.
    pub(crate) text: &'a str,
    /// Where in `text` the values of secret parameters are, in order.
    pub(crate) secrets: Vec<std::ops::Range<usize>>,
}

impl Echo<'_> {
    /// Writes the parameters, with the secret ones masked.
    pub(crate) fn write(&self, json: &mut Vec<u8>) {
        if self.text.is_empty() {
            json.extend_from_slice(b"{}");
            return;
        }
        let mut from = 0;
        for secret in &self.secrets {
            json.extend_from_slice(&self.text.as_bytes()[from..secret.start]);
            json.extend_from_slice(MASK.as_bytes());
            from = secret.end;
        }
        json.extend_from_slice(&self.text.as_bytes()[from..]);
    }
}
