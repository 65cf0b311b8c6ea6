//! An error that remembers where it was first propagated.

use std::any::type_name;
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::panic::Location;

use super::derived_codes::ErrorInside;
use super::failure::{IntoTaskFailure, TaskFailure, Traceback};

thread_local! {
    static DETAIL: Cell<Traceback> = const { Cell::new(Traceback::Off) };
}

/// Sets how much errors made on this thread remember, until it is dropped.
pub(crate) struct Detail(Traceback);

impl Detail {
    pub(crate) fn set(traceback: Traceback) -> Self {
        Self(DETAIL.replace(traceback))
    }

    /// What the task that runs on this thread wants; `Off` outside of tasks.
    pub(crate) fn current() -> Traceback {
        DETAIL.get()
    }
}

impl Drop for Detail {
    fn drop(&mut self) {
        DETAIL.set(self.0);
    }
}

/// Any error, its type and the `?` it came through.
///
/// It is of `anyhow::Error`'s kind: `?` makes it from every error, and it does not implement [`Error`] itself. What it
/// adds is the place: the traceback of a failed task names the line of the `?`, in release builds and without the cost
/// of a backtrace.
///
/// ```
/// use tasks_runtime::TaskError;
///
/// fn parse(text: &str) -> Result<i64, TaskError> {
///     let number = text.parse::<i64>()?;
///     if number < 0 {
///         return Err(TaskError::msg("negative"));
///     }
///     Ok(number)
/// }
/// let error = parse("x").unwrap_err();
/// assert_eq!(error.to_string(), "invalid digit found in string");
/// assert_eq!(error.type_name(), "core::num::error::ParseIntError");
/// assert!(error.location().file().ends_with(".rs"));
/// ```
pub struct TaskError {
    error: Box<dyn Error + Send + Sync>,
    type_name: &'static str,
    location: &'static Location<'static>,
    frames: Option<Box<Backtrace>>,
}

impl TaskError {
    /// An error that is only a message.
    #[track_caller]
    #[must_use]
    pub fn msg(message: impl fmt::Display) -> Self {
        let mut error = Self::from(message.to_string());
        error.type_name = type_name::<Self>();
        error
    }

    /// The type of the error it was made from.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Where it was made, which is usually a `?`.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// The error it was made from.
    #[must_use]
    pub fn inner(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.error.as_ref()
    }

    pub(crate) fn to_failure(&self, traceback: Traceback) -> TaskFailure {
        TaskFailure::of_error(
            self.type_name,
            self.error.as_ref(),
            Some(&self.location),
            self.frames.as_deref(),
            traceback,
        )
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>> + 'static> From<E> for TaskError {
    #[track_caller]
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            type_name: type_name::<E>(),
            location: Location::caller(),
            frames: (Detail::current() == Traceback::Full)
                .then(|| Box::new(Backtrace::force_capture())),
        }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.type_name, self.location, self.error)
    }
}

#[diagnostic::do_not_recommend]
impl IntoTaskFailure for TaskError {
    fn into_task_failure(self, traceback: Traceback) -> TaskFailure {
        self.to_failure(traceback)
    }
}

// For a transparent variant, as `anyhow::Error` may be in one.
impl ErrorInside for TaskError {
    fn the_error_inside(&self) -> &(dyn Error + 'static) {
        self.error.as_ref()
    }
}
