//! Stable codes of the errors that tasks return.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::framework_code::FrameworkCode;

/// One code that a failure can have, and what it means for whoever called.
///
/// `#[derive(FailureCodes)]` makes them; by hand it is a constant:
///
/// ```
/// use std::time::Duration;
/// use tasks_runtime::FailureCode;
///
/// const BUSY: FailureCode = FailureCode::new("bank-busy")
///     .with_description("The bank does not answer at the moment.")
///     .with_retry_after(Duration::from_secs(30))
///     .with_status(503);
/// assert_eq!(BUSY.code(), "bank-busy");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureCode {
    code: &'static str,
    description: Option<&'static str>,
    permanent: bool,
    retry_after: Option<Duration>,
    status: Option<u16>,
}

impl FailureCode {
    /// A code that says nothing beyond itself: 1 to 64 ASCII letters, digits, `-`, `_`, `.` and `:`, as in `card-declined`.
    ///
    /// # Panics
    ///
    /// If the code has other characters or another length, or is one of the [framework's own](crate::TaskFailure::FRAMEWORK_CODES); in a
    /// constant, that is an error of the compiler.
    #[must_use]
    pub const fn new(code: &'static str) -> Self {
        assert!(
            is_well_formed(code.as_bytes()),
            "a code has 1 to 64 ASCII letters, digits, `-`, `_`, `.` and `:`, as in `card-declined`"
        );
        assert!(
            !FrameworkCode::names(code),
            "this is a code of the framework's own: choose another one"
        );
        Self {
            code,
            description: None,
            permanent: false,
            retry_after: None,
            status: None,
        }
    }

    /// Says in words what it means, for the documentation.
    #[must_use]
    pub const fn with_description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// Another attempt would fail as well: a job is not tried again. See [`Permanent`](super::Permanent).
    #[must_use]
    pub const fn permanent(mut self) -> Self {
        self.permanent = true;
        self
    }

    /// How long to wait before another attempt: a job waits for this long, in place of its task's backoff.
    #[must_use]
    pub const fn with_retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// The HTTP status, from 400 to 599, that `$execute` answers with where failures have one: see `failures_as_status` of a service.
    ///
    /// # Panics
    ///
    /// If it is no status of an error; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        assert!(
            status >= 400 && status <= 599,
            "the status of an error is a number from 400 to 599"
        );
        self.status = Some(status);
        self
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Whether another attempt would fail as well.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// How long to wait before another attempt, if it says so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Its HTTP status, if it has one of its own.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// As the documentation shows it.
    #[must_use]
    pub fn info(&self) -> FailureCodeInfo {
        FailureCodeInfo {
            code: self.code.to_owned(),
            description: self.description.map(str::to_owned),
            permanent: self.permanent,
            retry_after: self.retry_after.map(|time| time.as_secs_f64()),
            status: self.status,
        }
    }
}

/// As the derive has it.
const fn is_well_formed(code: &[u8]) -> bool {
    let mut index = 0;
    while index < code.len() {
        let byte = code[index];
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':')) {
            return false;
        }
        index += 1;
    }
    !code.is_empty() && code.len() <= 64
}

/// A code that the failures of a task can have, as served by `GET /tasks/{name}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct FailureCodeInfo {
    /// The code: `code` in the error of the envelope, `error_code` in the record of a job.
    pub code: String,
    /// What it means.
    pub description: Option<String>,
    /// Whether another attempt would fail as well, so that a job is not tried again.
    pub permanent: bool,
    /// Seconds that a job waits before its next attempt, in place of its task's backoff; null where that holds.
    pub retry_after: Option<f64>,
    /// HTTP status of its own, for services whose failures have one.
    pub status: Option<u16>,
}

/// An error whose failures have stable codes, so that clients tell them apart without reading their text.
///
/// `#[derive(FailureCodes)]` implements it for an enum or a struct, and makes it known; it works beside `thiserror`. The code is found
/// wherever the error is: returned as it is, within a [`TaskError`](crate::TaskError), an `anyhow::Error` with or without context, a
/// [`Permanent`](super::Permanent), or as a cause of another error. Of several in one chain of causes the outermost counts.
///
/// ```
/// use std::time::Duration;
/// use tasks_runtime::prelude::*;
/// use tasks_runtime::FailureCodes;
///
/// #[derive(Debug, thiserror::Error, FailureCodes)]
/// enum PaymentError {
///     /// The bank refuses the card.
///     #[error("the card was declined: {reason}")]
///     #[failure(code = "card-declined", permanent, status = 402)]
///     Declined {
///         #[failure(detail)]
///         reason: String,
///     },
///     #[error("the bank is busy")]
///     #[failure(retry_after = "30s")]
///     BankBusy,
/// }
///
/// #[task(retries = 3)]
/// async fn pay(card: String) -> Result<(), PaymentError> {
///     if card.is_empty() {
///         return Err(PaymentError::Declined { reason: "it has no number".to_owned() });
///     }
///     Err(PaymentError::BankBusy)
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let executor = TaskExecutor::builder(TaskRegistry::builder().task(pay).build()?).build()?;
/// let answer = executor.execute_json("pay", br#"{"params": {"card": ""}}"#).await?;
/// let answer: serde_json::Value = serde_json::from_slice(&answer)?;
/// assert_eq!(answer["error"]["code"], "card-declined");
/// assert_eq!(answer["error"]["details"]["reason"], "it has no number");
/// assert_eq!(executor.registry().info("pay")?.error_codes[1].code, "bank-busy");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// # By hand
///
/// Whoever implements it makes it known with [`failure_codes!`](crate::failure_codes), once for each type:
///
/// ```
/// use tasks_runtime::{FailureCode, FailureCodes, failure_codes};
///
/// #[derive(Debug)]
/// struct HttpError(u16);
///
/// impl std::fmt::Display for HttpError {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         write!(f, "the other service answered {}", self.0)
///     }
/// }
///
/// impl std::error::Error for HttpError {}
///
/// impl FailureCodes for HttpError {
///     const CODES: &'static [FailureCode] = &[
///         FailureCode::new("upstream-refused").permanent(),
///         FailureCode::new("upstream-failed"),
///     ];
///
///     fn failure_code(&self) -> Option<FailureCode> {
///         Some(Self::CODES[usize::from(self.0 >= 500)])
///     }
/// }
///
/// failure_codes!(HttpError);
/// ```
#[diagnostic::on_unimplemented(
    message = "the failures of `{Self}` have no codes",
    label = "does not implement `FailureCodes`",
    note = "write `#[derive(FailureCodes)]` above a type of this crate; implement the trait by hand for one with parameters; for a type of another crate, make \
            one of your own that holds it"
)]
pub trait FailureCodes: Error + Send + Sync + 'static {
    /// All that it can have, for the documentation.
    const CODES: &'static [FailureCode];

    /// The one that this error has; `None` leaves it to the causes.
    fn failure_code(&self) -> Option<FailureCode>;

    /// What a client can read beside the message, as JSON: `details` in the envelope, `error_details` in the record of a job.
    fn details(&self) -> Option<Value> {
        None
    }

    /// The error that this one only wraps, so that its code counts and not that of this one.
    fn transparent(&self) -> Option<&(dyn Error + 'static)> {
        None
    }
}

macro_rules! of_pointers {
    ($($pointer:ident),*) => {$(
        /// The codes of the error that it points to.
        #[diagnostic::do_not_recommend]
        impl<E: FailureCodes> FailureCodes for $pointer<E> {
            const CODES: &'static [FailureCode] = E::CODES;

            fn failure_code(&self) -> Option<FailureCode> {
                E::failure_code(self)
            }

            fn details(&self) -> Option<Value> {
                E::details(self)
            }

            fn transparent(&self) -> Option<&(dyn Error + 'static)> {
                E::transparent(self)
            }
        }
    )*};
}

of_pointers!(Box, Arc);
