//! From a request's bytes to the values of a task's parameters.
//!
//! There are two roads to the same result. `fast` reads the body once, straight into the parameters, and takes the echo
//! of `params` as a span of it; it knows the common spelling only and gives up at the first irregularity. `careful`
//! then reads the same bytes again: it accepts every legal spelling, and reports all that is wrong, each with a JSON
//! pointer.

#[cfg(feature = "database")]
mod at_pointer;
mod careful;
mod cell;
mod checks;
mod code;
mod constraints;
mod depth;
mod echo;
mod error;
mod fast;
mod finding;
mod garde;
mod input;
mod json_kind;
mod lossy;
mod mask;
mod members;
mod parameter;
mod parameter_constraints;
mod precision;
mod registered;
pub(crate) mod repeated;
mod request;
#[cfg(feature = "garde")]
mod rust_path;
mod scanner;
mod schema_check;
mod schema_types;
mod slot;
mod source;
mod std_types;
mod struct_fields;
mod tuples;
mod validation;
mod value;

#[cfg(feature = "database")]
pub(crate) use at_pointer::at_pointer;
pub use cell::{AnyArgCell, ArgCell, NotInjected};
pub use code::{ArgumentErrorCode, code_of_serde};
pub(crate) use echo::Echo;
pub(crate) use error::unknown_key;
pub use error::{ArgumentError, InvalidArguments};
pub use garde::{GardeParam, garde_requires};
pub(crate) use input::Input;
pub(crate) use mask::{MASKED, is_mask};
#[cfg(feature = "database")]
pub(crate) use members::members;
pub use members::{Member, split};
pub use parameter::{Parameter, documentation};
pub use parameter_constraints::{
    ChoiceParam, Constraint, Counted, ItemsParam, LengthParam, RangeParam, TextParam, bound,
    choices, format, items, length, pattern, unique,
};
pub(crate) use registered::RegisteredParameter;
pub use request::RequestParam;
pub use slot::{AnySlot, Slot, request_slot, slot};
pub use source::{Injected, Probe, RequestFallback, RequestSource, Requested, Source};
pub(crate) use struct_fields::StructFields;
pub use tuples::{AnyArgCells, Slots};
pub use validation::{IntoArgumentErrors, RuleResult, RuleSource, Validation, given};
pub(crate) use validation::{of_rule, validate};
pub use value::{
    Default, Example, ExampleSource, FromText, JsonFallback, JsonProbe, TextFallback, TextProbe,
    example,
};

/// Fills the cells of all request parameters.
pub(crate) fn read<'a>(
    input: Input<'a>,
    parameters: &[RegisteredParameter],
    cells: &mut dyn AnyArgCells,
) -> Result<Echo<'a>, InvalidArguments> {
    if let Some(echo) = fast::read(input, parameters, cells) {
        return Ok(echo);
    }
    careful::read(input, parameters, cells)
}

/// The secret parameters of a call, by name, and where in its text their values are, in order.
#[cfg(feature = "database")]
pub(crate) fn secrets(
    text: &str,
    parameters: &[RegisteredParameter],
) -> Vec<(&'static str, std::ops::Range<usize>)> {
    careful::secrets(text, parameters)
}

/// The echo of arguments that were read before.
#[cold]
pub(crate) fn echo<'a>(input: Input<'a>, parameters: &[RegisteredParameter]) -> Echo<'a> {
    careful::echo(input, parameters)
}
