//! What the derive `FailureCodes` writes code with: lists of codes, details, and times to wait.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::error::Error;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::framework_code::is_same;
use super::{FailureCode, FailureCodes};

/// The codes of a type of errors.
#[must_use]
pub const fn codes<E: FailureCodes>() -> &'static [FailureCode] {
    E::CODES
}

/// The codes that an error has whose type may have some: those of the error in a transparent variant.
pub struct CodesOf<E: ?Sized>(PhantomData<E>);

impl<E: FailureCodes> CodesOf<E> {
    pub const CODES: &'static [FailureCode] = E::CODES;
}

/// None, where the type has none. The constant of the type itself goes before this one.
pub trait NoCodes {
    const CODES: &'static [FailureCode] = &[];
}

impl<E: ?Sized> NoCodes for CodesOf<E> {}

/// How many different codes there are in all.
#[must_use]
pub const fn count_codes(parts: &[&[FailureCode]]) -> usize {
    let (mut part, mut count) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            if is_first(parts, part, index) {
                count += 1;
            }
            index += 1;
        }
        part += 1;
    }
    count
}

/// All codes in one list, each once.
#[must_use]
pub const fn join_codes<const N: usize>(parts: &[&[FailureCode]]) -> [FailureCode; N] {
    let mut all = [FailureCode::new("none"); N];
    let (mut part, mut count) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            if is_first(parts, part, index) {
                all[count] = parts[part][index];
                count += 1;
            }
            index += 1;
        }
        part += 1;
    }
    all
}

/// Whether no part before has the code.
const fn is_first(parts: &[&[FailureCode]], part: usize, index: usize) -> bool {
    let code = parts[part][index].code();
    let mut before = 0;
    while before < part {
        let mut other = 0;
        while other < parts[before].len() {
            if is_same(parts[before][other].code(), code) {
                return false;
            }
            other += 1;
        }
        before += 1;
    }
    true
}

/// The error in what a transparent variant holds: an error, or a box of one, which is none itself.
pub trait ErrorInside {
    fn the_error_inside(&self) -> &(dyn Error + 'static);
}

impl<E: Error + 'static> ErrorInside for E {
    fn the_error_inside(&self) -> &(dyn Error + 'static) {
        self
    }
}

macro_rules! error_inside {
    ($($error:ty),*) => {$(
        impl ErrorInside for $error {
            fn the_error_inside(&self) -> &(dyn Error + 'static) {
                self
            }
        }
    )*};
}

error_inside!(
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
    /// # Errors
    ///
    /// When the value cannot be JSON.
    fn json(&self) -> serde_json::Result<Value>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> FailureDetail for T {
    fn json(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

/// A field of an error, in its details.
#[must_use]
pub fn detail<T: FailureDetail>(name: &str, value: &T) -> Value {
    value.json().unwrap_or_else(|reason| {
        // An error about an error helps no client.
        tracing::warn!(detail = name, r#type = std::any::type_name::<T>(), %reason, "a detail of a failure cannot be JSON, and is null");
        Value::Null
    })
}

/// The details of an error.
#[must_use]
pub fn details<const N: usize>(fields: [(&str, Value); N]) -> Value {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
