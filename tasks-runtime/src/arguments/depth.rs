//! How deep arguments may be nested.
//!
//! `serde_json` reads 127 levels, and so do most clients. What is stored and shown again is shown within a record, of a list,
//! of an answer: so an argument has to be flatter than that.

use super::RegisteredParameter;

/// How many levels of arrays and objects the value of a parameter may have.
pub(crate) const LIMIT: usize = 100;

/// What to say of a value that is too deep.
pub(super) fn message() -> String {
    format!("nested more than {LIMIT} levels deep")
}

/// Whether `params`, an object that was read into these parameters, holds a value that is too deep. There are no more levels than
/// opening brackets, which are counted with wide instructions, without a look at what is a string.
pub(super) fn is_suspicious(params: &str, parameters: &[RegisteredParameter]) -> bool {
    // Each level takes two bytes.
    if params.len() <= 2 * LIMIT || !parameters.iter().any(RegisteredParameter::nests) {
        return false;
    }
    let is_open = |byte: &u8| u8::from(byte | 0x20 == b'{');
    let opened: usize = params
        .as_bytes()
        .chunks(usize::from(u8::MAX))
        .map(|chunk| usize::from(chunk.iter().map(is_open).sum::<u8>()))
        .sum();
    opened > LIMIT && of(params) > LIMIT + 1
}

/// How many levels a text has that may be JSON.
pub(super) fn of(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => _ = bytes.next(),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}
