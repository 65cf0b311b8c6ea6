//! What arguments are read from, and how they are shown.

/// What arguments are read from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input<'a> {
    /// A request body, `{"params": {…}}` in one of its spellings, whose other members somebody else reads.
    #[cfg_attr(
        not(feature = "database"),
        allow(dead_code, reason = "submissions of jobs have options beside `params`")
    )]
    Body(&'a [u8]),
    /// A request body that may hold nothing but `params`.
    OnlyParams(&'a [u8]),
    /// The parameters alone.
    Params(&'a str),
}

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

/// What is shown in place of a secret value, as JSON.
pub(crate) const MASK: &str = "\"***\"";

/// Whether a value in JSON is what is shown in place of a secret, however it is spelled: a string may be written with escapes.
#[inline]
pub(crate) fn is_mask(value: &str) -> bool {
    // An escape has six bytes.
    let may_be_escaped = value.len() > MASK.len() && value.len() <= 2 + 3 * 6;
    value == MASK || may_be_escaped && is_escaped_mask(value)
}

#[cold]
fn is_escaped_mask(value: &str) -> bool {
    serde_json::from_str::<String>(value).is_ok_and(|text| text == "***")
}

/// What is said of one that comes back: it was read somewhere, and the task would run with asterisks for a password.
pub(crate) const MASKED: &str =
    "this is what is shown in place of the secret, not the secret: send the value itself";
