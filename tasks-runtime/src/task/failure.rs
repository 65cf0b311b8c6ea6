//! How a task fails: what the envelope of a failed execution shows.

use std::any::type_name;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::fmt::{self, Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Permanent;
use super::finite::OutputError;

/// Why a task failed: an error it returned, a panic, or its timeout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TaskFailure {
    /// The Rust type of the error; `panic`, `timeout` and `not-finite` (a number that JSON does not have) for those. Not a
    /// stable name.
    pub r#type: String,
    /// What the error says of itself.
    pub message: String,
    /// Causes, the place of the error and, when asked for, stack frames. `null` when [`Traceback::Off`].
    pub traceback: Option<String>,
    /// Whether another attempt would fail like this one.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) permanent: bool,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) kind: FailureKind,
    /// Where it began, for the log.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) place: Option<Box<str>>,
}

/// What ended an execution that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// An error: one that the task returned, or of its result.
    #[default]
    Error,
    Panic,
    Timeout,
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for TaskFailure {}

/// How much of its origin a failure tells.
///
/// Frames and locations name source files of the server. The default is [`Full`](Self::Full) in debug builds and
/// [`Causes`](Self::Causes) in release builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Traceback {
    /// Nothing but the type and the message.
    Off,
    /// The chain of causes, and where the error began: the `?` that a [`TaskError`](crate::TaskError) passed, or the place of a panic.
    Causes,
    /// Stack frames, too.
    Full,
}

impl Default for Traceback {
    fn default() -> Self {
        if cfg!(debug_assertions) {
            Self::Full
        } else {
            Self::Causes
        }
    }
}

impl TaskFailure {
    pub(crate) fn timeout(message: String) -> Self {
        Self {
            r#type: "timeout".to_owned(),
            message,
            traceback: None,
            permanent: false,
            kind: FailureKind::Timeout,
            place: None,
        }
    }

    /// One that was written down before.
    #[cfg(feature = "database")]
    pub(crate) fn stored(r#type: String, message: String, traceback: Option<String>) -> Self {
        Self {
            r#type,
            message,
            traceback,
            permanent: false,
            kind: FailureKind::Error,
            place: None,
        }
    }

    /// The task's own code never began.
    #[cfg(feature = "database")]
    pub(crate) fn of_execution(error: &(dyn Error + 'static), permanent: bool) -> Self {
        Self {
            r#type: "not-run".to_owned(),
            message: error.to_string(),
            traceback: None,
            permanent,
            kind: FailureKind::Error,
            place: None,
        }
    }

    /// Something of the framework's failed while the task ran.
    pub(crate) fn internal(message: String) -> Self {
        Self {
            r#type: "internal".to_owned(),
            message,
            traceback: None,
            permanent: false,
            kind: FailureKind::Error,
            place: None,
        }
    }

    pub(crate) fn panic(
        message: String,
        place: Option<&str>,
        frames: Option<&Backtrace>,
        traceback: Traceback,
    ) -> Self {
        let mut report = Report::new("panic", &message, traceback);
        report.place(place.unwrap_or("an unknown place"));
        report.frames(frames);
        Self {
            r#type: "panic".to_owned(),
            traceback: report.finish(),
            message,
            permanent: false,
            kind: FailureKind::Panic,
            place: place.map(Into::into),
        }
    }

    /// The place that a traceback names, if it names one.
    #[cfg(feature = "database")]
    pub(crate) fn place_in(traceback: &str) -> Option<&str> {
        traceback
            .lines()
            .find_map(|line| line.strip_prefix("    at "))
    }

    /// The result could not be written as JSON.
    pub(crate) fn of_output(error: &OutputError, traceback: Traceback) -> Self {
        let (pointer, number) = match error {
            OutputError::Json(error) => return Self::unserializable(error, traceback),
            OutputError::NotFinite { pointer, number } => (pointer, number),
        };
        let r#type = "not-finite".to_owned();
        let message = match pointer.as_str() {
            "" => format!("the result is {number}, a number that JSON does not have"),
            at => format!("the result has {number} at `{at}`, a number that JSON does not have"),
        };
        let report = Report::new(&r#type, &message, traceback);
        Self {
            traceback: report.finish(),
            r#type,
            message,
            permanent: true,
            kind: FailureKind::Error,
            place: None,
        }
    }

    pub(crate) fn unserializable(error: &serde_json::Error, traceback: Traceback) -> Self {
        let message = format!("the result cannot be written as JSON: {error}");
        let report = Report::new(type_name::<serde_json::Error>(), &message, traceback);
        Self {
            r#type: type_name::<serde_json::Error>().to_owned(),
            traceback: report.finish(),
            message,
            permanent: true,
            kind: FailureKind::Error,
            place: None,
        }
    }

    pub(crate) fn of_error(
        r#type: &str,
        error: &(dyn Error + 'static),
        place: Option<&dyn fmt::Display>,
        frames: Option<&Backtrace>,
        traceback: Traceback,
    ) -> Self {
        let message = error.to_string();
        let mut report = Report::new(r#type, &message, traceback);
        if let Some(place) = place {
            report.place(place);
        }
        report.causes(error);
        report.frames(frames);
        Self {
            r#type: r#type.to_owned(),
            traceback: report.finish(),
            message,
            permanent: Permanent::is_in(error),
            kind: FailureKind::Error,
            place: place.map(|place| place.to_string().into()),
        }
    }
}

/// An error that a task may return.
///
/// Implemented for everything that converts into `Box<dyn Error + Send + Sync>`: errors of std and of `thiserror`,
/// `anyhow::Error`, `String` and `&str`; and for [`TaskError`](crate::TaskError).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error type of a task",
    label = "not convertible into `Box<dyn Error + Send + Sync>`",
    note = "implement `std::error::Error` for `{Self}`, for example with `thiserror`; or return `TaskError`, `anyhow::Error` or `String`"
)]
pub trait IntoTaskFailure: 'static {
    #[doc(hidden)]
    fn into_task_failure(self, traceback: Traceback) -> TaskFailure;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn Error + Send + Sync>> + 'static> IntoTaskFailure for E {
    fn into_task_failure(self, traceback: Traceback) -> TaskFailure {
        #[cfg(feature = "anyhow")]
        if let Some(error) = (&self as &dyn std::any::Any).downcast_ref::<anyhow::Error>() {
            let error_type = type_name::<E>();
            return TaskFailure::of_error(
                error_type,
                error.as_ref(),
                None,
                Some(error.backtrace()),
                traceback,
            );
        }
        let error: Box<dyn Error + Send + Sync> = self.into();
        TaskFailure::of_error(type_name::<E>(), error.as_ref(), None, None, traceback)
    }
}

/// Writes a traceback.
struct Report {
    text: String,
    traceback: Traceback,
}

impl Report {
    fn new(r#type: &str, message: &str, traceback: Traceback) -> Self {
        let text = if traceback == Traceback::Off {
            String::new()
        } else {
            format!("{type}: {message}")
        };
        Self { text, traceback }
    }

    fn place(&mut self, place: impl fmt::Display) {
        if self.traceback >= Traceback::Causes {
            _ = write!(self.text, "\n    at {place}");
        }
    }

    fn causes(&mut self, error: &(dyn Error + 'static)) {
        if self.traceback < Traceback::Causes {
            return;
        }
        let mut source = error.source();
        while let Some(cause) = source {
            _ = write!(self.text, "\ncaused by: {cause}");
            source = cause.source();
        }
    }

    fn frames(&mut self, frames: Option<&Backtrace>) {
        let Some(frames) = frames.filter(|frames| frames.status() == BacktraceStatus::Captured)
        else {
            return;
        };
        if self.traceback == Traceback::Full {
            self.text.push_str("\nframes, innermost first:\n");
            self.text.push_str(&relevant(&frames.to_string()));
        }
    }

    fn finish(self) -> Option<String> {
        (self.traceback > Traceback::Off).then_some(self.text)
    }
}

/// The frames of the task: from where the panic or the error came, out to the executor's own.
///
/// A backtrace prints each frame as `N: name`, followed by a line `at file:line`. Text that looks otherwise is kept whole.
fn relevant(frames: &str) -> String {
    /// The last of these is where the machinery of panics and of `?` ends.
    const MACHINERY: [&str; 5] = [
        "rust_begin_unwind",
        "core::panicking",
        "begin_panic",
        "TaskError",
        "FromResidual",
    ];
    /// The first of these is where the task was called.
    const CALLER: [&str; 2] = ["::__INVENTORY::", "tasks_runtime::execute"];
    /// What is between the two is the standard library's.
    const GLUE: [&str; 3] = [
        "core::ops::function::",
        "core::future::future::",
        "core::panic::unwind_safe::",
    ];
    let is_frame = |line: &str| {
        line.trim_start()
            .split_once(": ")
            .is_some_and(|(number, _)| number.parse::<u32>().is_ok())
    };
    let lines: Vec<&str> = frames.lines().collect();
    let starts: Vec<usize> = (0..lines.len())
        .filter(|index| is_frame(lines[*index]))
        .collect();
    let names_one_of =
        |start: usize, names: &[&str]| names.iter().any(|name| lines[start].contains(name));
    // The hook that captured the frames is the framework's as well, and comes before the machinery.
    let first = starts
        .iter()
        .rposition(|start| names_one_of(*start, &MACHINERY))
        .map_or(0, |position| position + 1);
    let last = starts[first.min(starts.len())..]
        .iter()
        .position(|start| names_one_of(*start, &CALLER));
    let begin = starts.get(first).copied().unwrap_or(0);
    let last = last.map(|position| {
        let own = starts[first..first + position]
            .iter()
            .rposition(|start| !names_one_of(*start, &GLUE));
        first + own.map_or(0, |position| position + 1)
    });
    let end = last
        .and_then(|position| starts.get(position))
        .copied()
        .unwrap_or(lines.len());
    if begin < end {
        lines[begin..end].join("\n")
    } else {
        frames.trim_end().to_owned()
    }
}
