//! From a request's bytes to the values of a task's parameters.
//!
//! There are two roads to the same result. `fast` reads the body once, straight into the parameters, and takes the echo
//! of `params` as a span of it; it knows the common spelling only and gives up at the first irregularity. `careful`
//! then reads the same bytes again: it accepts every legal spelling, and reports all that is wrong, each with a JSON
//! pointer.

mod careful;
mod error;
mod fast;
mod place;
mod slot;
mod whole;

pub(crate) use error::unknown_key;
pub use error::{ArgumentError, InvalidArguments};
pub(crate) use place::NotInjected;
#[allow(
    unreachable_pub,
    reason = "in the signatures of what generated code calls"
)]
pub use place::{AnyPlace, Place};
#[allow(
    unreachable_pub,
    reason = "in the signatures of what generated code calls"
)]
pub use slot::{
    AnySlot, Default, Example, Injected, JsonFallback, JsonProbe, Probe, RequestFallback,
    RequestParam, Requested, Slot, example, request_slot, slot, text,
};
pub(crate) use whole::Fields;

use crate::task::Parameter;

/// What arguments are read from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input<'a> {
    /// A request body, `{"params": {…}}` in one of its spellings.
    Body(&'a [u8]),
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
            json.extend_from_slice(b"\"***\"");
            from = secret.end;
        }
        json.extend_from_slice(&self.text.as_bytes()[from..]);
    }
}

/// Fills the places of all request parameters.
pub(crate) fn read<'a>(
    input: Input<'a>,
    parameters: &'static [Parameter],
    places: &mut [&mut dyn AnyPlace],
) -> Result<Echo<'a>, InvalidArguments> {
    if let Some(echo) = fast::read(input, parameters, places) {
        return Ok(echo);
    }
    careful::read(input, parameters, places)
}

/// The echo of arguments that were read before.
#[cold]
pub(crate) fn echo<'a>(input: Input<'a>, parameters: &'static [Parameter]) -> Echo<'a> {
    careful::echo(input, parameters)
}
