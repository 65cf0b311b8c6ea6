//! Finds the code of an error, whatever it is wrapped in.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::any::TypeId;
use std::error::Error;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::{FailureCode, FailureCodes, Permanent};

/// Makes an error known that implements [`FailureCodes`](crate::FailureCodes) by hand. The derive does that itself.
///
/// For a type with parameters: once for each of the types that tasks return.
#[macro_export]
macro_rules! failure_codes {
    ($error:ty) => {
        $crate::__private::inventory::submit! {
            $crate::__private::CodedError::of::<$error>()
        }
    };
}

/// An error type whose failures have codes.
pub struct CodedError {
    id: fn() -> TypeId,
    codes: &'static [FailureCode],
    read: for<'a> fn(&'a (dyn Error + 'static)) -> Option<Reading<'a>>,
}

/// What an error of a known type says.
enum Reading<'a> {
    Coded(Coded),
    /// Ask this one instead.
    Wraps(&'a (dyn Error + 'static)),
    /// Ask its causes.
    Nothing,
}

/// The code of an error.
pub(crate) struct Coded {
    pub(crate) code: FailureCode,
    pub(crate) details: Option<Value>,
}

inventory::collect!(CodedError);

impl CodedError {
    #[must_use]
    pub const fn of<E: FailureCodes>() -> Self {
        Self {
            id: TypeId::of::<E>,
            codes: E::CODES,
            read: |error| {
                let error = error.downcast_ref::<E>()?;
                Some(match (error.transparent(), error.failure_code()) {
                    (Some(inner), _) => Reading::Wraps(inner),
                    (None, Some(code)) => Reading::Coded(Coded {
                        code,
                        details: error.details(),
                    }),
                    (None, None) => Reading::Nothing,
                })
            },
        }
    }
}

/// Which codes the errors of a type can have.
pub(crate) fn codes_of(error_type: TypeId) -> &'static [FailureCode] {
    inventory::iter::<CodedError>()
        .find(|known| (known.id)() == error_type)
        .map_or(&[], |known| known.codes)
}

/// The code of an error or of the first of its causes that has one, and whether one of them is [`Permanent`].
pub(crate) fn read(error: &(dyn Error + 'static)) -> (Option<Coded>, bool) {
    /// More than any chain has: `source` is code of the application's, and may go in a circle.
    const LONGEST: usize = 128;
    let mut permanent = false;
    let mut coded = None;
    let mut link = Some(error);
    for _ in 0..LONGEST {
        let Some(error) = link else { break };
        if let Some(wrapper) = error.downcast_ref::<Permanent>() {
            permanent = true;
            link = Some(wrapper.inner());
            continue;
        }
        link = error.source();
        if coded.is_some() {
            continue;
        }
        match inventory::iter::<CodedError>().find_map(|known| (known.read)(error)) {
            Some(Reading::Coded(found)) => {
                permanent |= found.code.is_permanent();
                coded = Some(found);
            }
            Some(Reading::Wraps(inner)) => link = Some(inner),
            Some(Reading::Nothing) | None => {}
        }
    }
    (coded, permanent)
}

/// The error in what a transparent variant holds: an error, or a box of one, which is none itself.
pub trait AsDynError {
    fn __task_dyn_error(&self) -> &(dyn Error + 'static);
}

impl<E: Error + 'static> AsDynError for E {
    fn __task_dyn_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

macro_rules! as_dyn_error {
    ($($error:ty),*) => {$(
        impl AsDynError for $error {
            fn __task_dyn_error(&self) -> &(dyn Error + 'static) {
                self
            }
        }
    )*};
}

as_dyn_error!(
    dyn Error + 'static,
    dyn Error + Send + 'static,
    dyn Error + Send + Sync + 'static,
    dyn Error + Send + Sync + std::panic::UnwindSafe + 'static
);

/// The code of a variant.
#[must_use]
pub const fn failure_code(
    code: &'static str,
    description: Option<&'static str>,
    permanent: bool,
    retry_after: Option<Duration>,
    status: Option<u16>,
) -> FailureCode {
    let mut made = FailureCode::new(code);
    if let Some(description) = description {
        made = made.with_description(description);
    }
    if permanent {
        made = made.permanent();
    }
    if let Some(time) = retry_after {
        made = made.with_retry_after(time);
    }
    if let Some(status) = status {
        made = made.with_status(status);
    }
    made
}

/// A field that says how long to wait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how long to wait",
    label = "`retry_after` is for a `Duration` or an `Option<Duration>`"
)]
pub trait RetryTime: Copy {
    fn time(self) -> Option<Duration>;
}

impl RetryTime for Duration {
    fn time(self) -> Option<Duration> {
        Some(self)
    }
}

impl RetryTime for Option<Duration> {
    fn time(self) -> Option<Duration> {
        self
    }
}

/// The code with the time that a field says.
#[must_use]
pub fn retry_after<T: RetryTime>(code: FailureCode, time: &T) -> FailureCode {
    match time.time() {
        Some(time) => code.with_retry_after(time),
        None => code,
    }
}

/// A field that clients can read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a detail of a failure",
    label = "not serializable to JSON",
    note = "derive `serde::Serialize` for types of this crate; of those of another crate, turn on the feature for serde, or give a text of it as a field of its own"
)]
pub trait FailureDetail {
    fn json(&self) -> Value;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> FailureDetail for T {
    fn json(&self) -> Value {
        // An error about an error helps nobody: what does not serialize is null.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// A field of an error, in its details.
#[must_use]
pub fn detail<T: FailureDetail>(value: &T) -> Value {
    value.json()
}

/// The details of an error.
#[must_use]
pub fn details<const N: usize>(fields: [(&str, Value); N]) -> Value {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
