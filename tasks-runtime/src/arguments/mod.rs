//! From a request's bytes to the values of a task's parameters.
//!
//! There are two roads to the same result. `fast` reads the body once, straight into the parameters, and takes the echo
//! of `params` as a span of it; it knows the common spelling only and gives up at the first irregularity. `careful`
//! then reads the same bytes again: it accepts every legal spelling, and reports all that is wrong, each with a JSON
//! pointer.

mod careful;
mod depth;
mod error;
mod fast;
mod inspect;
mod list;
mod place;
mod request;
mod scanner;
mod slot;
mod source;
mod value;
mod whole;

#[cfg(feature = "database")]
pub(crate) use careful::object as members;
pub use error::{ArgumentError, InvalidArguments};
pub(crate) use error::{escape, unknown_key};
pub use list::{AnyPlaces, Places, Slots};
pub use place::{AnyPlace, NotInjected};
pub use request::RequestParam;
pub use slot::{AnySlot, Slot, request_slot, slot};
pub use source::{
    ExampleSource, Injected, Probe, RequestFallback, RequestSource, Requested, Source,
};
pub use value::{
    Default, Example, FromText, JsonFallback, JsonProbe, TextFallback, TextProbe, example,
};
pub(crate) use whole::Fields;

use std::sync::OnceLock;

use serde_json::Value;

use crate::schema;

/// One parameter of a registered task, with what every call asks of it at hand.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) name: &'static str,
    pub(crate) secret: bool,
    pub(crate) injected: bool,
    pub(crate) slot: &'static dyn AnySlot,
    nests: OnceLock<bool>,
    delicate: OnceLock<bool>,
    schema: OnceLock<Value>,
}

impl Declared {
    pub(crate) fn of(slot: &'static dyn AnySlot) -> Self {
        let parameter = slot.parameter();
        Self {
            name: parameter.name,
            secret: parameter.secret,
            injected: slot.injected(),
            slot,
            nests: OnceLock::new(),
            delicate: OnceLock::new(),
            schema: OnceLock::new(),
        }
    }

    /// Whether it has numbers that may be read as other ones: of single precision, say. Found out with the first request.
    pub(crate) fn is_delicate(&self) -> bool {
        *self.delicate.get_or_init(|| {
            // Not kept: most parameters are never asked for theirs again.
            !self.injected && inspect::is_delicate(&schema::of_slot(self.slot))
        })
    }

    /// Its schema, standing alone. Made when a request does not fit it.
    pub(crate) fn schema(&self) -> &Value {
        self.schema.get_or_init(|| schema::of_slot(self.slot))
    }

    /// Whether its values may be nested, and not only be scalars, or lists and maps of them. Found out when a long request
    /// comes, for its schema has to be made.
    pub(crate) fn nests(&self) -> bool {
        *self
            .nests
            .get_or_init(|| !self.injected && schema::nests(self.slot))
    }
}

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

/// Fills the places of all request parameters.
pub(crate) fn read<'a>(
    input: Input<'a>,
    parameters: &[Declared],
    places: &mut dyn AnyPlaces,
) -> Result<Echo<'a>, InvalidArguments> {
    if let Some(echo) = fast::read(input, parameters, places) {
        return Ok(echo);
    }
    careful::read(input, parameters, places)
}

/// What is shown in place of a secret value, as JSON.
pub(crate) const MASK: &str = "\"***\"";

/// The secret parameters of a call, by name, and where in its text their values are, in order.
#[cfg(feature = "database")]
pub(crate) fn secrets(
    text: &str,
    parameters: &[Declared],
) -> Vec<(&'static str, std::ops::Range<usize>)> {
    careful::secrets(text, parameters)
}

/// The echo of arguments that were read before.
#[cold]
pub(crate) fn echo<'a>(input: Input<'a>, parameters: &[Declared]) -> Echo<'a> {
    careful::echo(input, parameters)
}
