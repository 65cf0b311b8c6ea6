//! How a task fails: what the envelope of a failed execution shows.

use std::any::type_name;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::causes::causes;
use super::coded_errors::{self, Coded};
use super::finite_json::OutputError;
use super::framework_code::FrameworkCode;

/// Why a task failed: an error it returned, a panic, or its timeout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TaskFailure {
    /// The Rust type of the error; for what is not an error of the task's, the `code`. Not a stable name.
    pub r#type: String,
    /// Stable name of what went wrong, for programs: that of the error, where its type gives [`FailureCodes`](crate::FailureCodes), or one
    /// of the framework's own, such as `panic` and `timeout`.
    pub code: Option<String>,
    /// What the error says of itself.
    pub message: String,
    /// What the error says of itself for programs: any JSON.
    pub details: Option<Value>,
    /// Causes, the place of the error and, when asked for, stack frames. `null` when [`Traceback::Off`].
    pub traceback: Option<String>,
    /// Whether another attempt would fail like this one.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) permanent: bool,
    /// How long to wait before another attempt.
    #[serde(skip)]
    #[schemars(skip)]
    retry_after: Option<Duration>,
    #[serde(skip)]
    #[schemars(skip)]
    status: Option<u16>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) kind: FailureKind,
    /// Where it began, for the log.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) location: Option<Box<str>>,
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
    /// The codes of what is not an error of a task's, and what each of them means. No code of an application's is one of these.
    pub const FRAMEWORK_CODES: &'static [(&'static str, &'static str)] = FrameworkCode::ALL;

    /// Whether another attempt would fail like this one, as the error says. Of a failure that was stored, nothing is known: false.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// How long to wait before another attempt, if the error says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The HTTP status of the error, from 400 to 599, if it has one of its own: that of its code, 504 for a timeout, 500 for what else is not
    /// an error of the task's. Of a failure that was stored, nothing is known.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// One that is not an error of the task's.
    fn of_framework(code: FrameworkCode, message: String) -> Self {
        Self {
            r#type: code.as_str().to_owned(),
            code: Some(code.as_str().to_owned()),
            message,
            details: None,
            traceback: None,
            permanent: false,
            retry_after: None,
            status: Some(code.status()),
            kind: FailureKind::Error,
            location: None,
        }
    }

    pub(crate) fn timeout(message: String) -> Self {
        Self {
            kind: FailureKind::Timeout,
            ..Self::of_framework(FrameworkCode::Timeout, message)
        }
    }

    /// One that was written down before.
    #[cfg(feature = "database")]
    pub(crate) fn stored(
        r#type: String,
        (code, message): (Option<String>, String),
        details: Option<Value>,
        traceback: Option<String>,
    ) -> Self {
        Self {
            r#type,
            code,
            message,
            details,
            traceback,
            permanent: false,
            retry_after: None,
            status: None,
            kind: FailureKind::Error,
            location: None,
        }
    }

    /// What was stored of the result cannot be read.
    #[cfg(feature = "database")]
    pub(crate) fn damaged(message: &str) -> Self {
        Self::of_framework(FrameworkCode::Damaged, message.to_owned())
    }

    /// The task's own code never began.
    #[cfg(feature = "database")]
    pub(crate) fn of_execution(error: &(dyn Error + 'static), permanent: bool) -> Self {
        Self {
            permanent,
            ..Self::of_framework(FrameworkCode::NotRun, error.to_string())
        }
    }

    /// Something of the framework's failed while the task ran.
    pub(crate) fn internal(message: String) -> Self {
        Self::of_framework(FrameworkCode::Internal, message)
    }

    pub(crate) fn panic(
        message: String,
        location: Option<&str>,
        frames: Option<&Backtrace>,
        traceback: Traceback,
    ) -> Self {
        let mut report = Report::new("panic", &message, traceback);
        report.location(location.unwrap_or("an unknown location"));
        report.frames(frames);
        Self {
            traceback: report.finish(),
            kind: FailureKind::Panic,
            location: location.map(Into::into),
            ..Self::of_framework(FrameworkCode::Panic, message)
        }
    }

    /// The place that a traceback names, if it names one.
    #[cfg(feature = "database")]
    pub(crate) fn location_in(traceback: &str) -> Option<&str> {
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
        let message = match pointer.as_str() {
            "" => format!("the result is {number}, a number that JSON does not have"),
            at => format!("the result has {number} at `{at}`, a number that JSON does not have"),
        };
        Self::of_result(FrameworkCode::NotFinite, message, traceback)
    }

    pub(crate) fn unserializable(error: &serde_json::Error, traceback: Traceback) -> Self {
        let message = format!("the result cannot be written as JSON: {error}");
        Self::of_result(FrameworkCode::NotSerializable, message, traceback)
    }

    /// The result is none that a client can have, and would not be at another time.
    fn of_result(code: FrameworkCode, message: String, traceback: Traceback) -> Self {
        let report = Report::new(code.as_str(), &message, traceback);
        Self {
            traceback: report.finish(),
            permanent: true,
            ..Self::of_framework(code, message)
        }
    }

    pub(crate) fn of_error(
        r#type: &str,
        error: &(dyn Error + 'static),
        location: Option<&dyn fmt::Display>,
        frames: Option<&Backtrace>,
        traceback: Traceback,
    ) -> Self {
        let coded = coded_errors::read(error);
        Self::of_parts(r#type, (error, coded), location, frames, traceback)
    }

    fn of_parts(
        r#type: &str,
        (error, (coded, permanent)): (&(dyn Error + 'static), (Option<Coded>, bool)),
        location: Option<&dyn fmt::Display>,
        frames: Option<&Backtrace>,
        traceback: Traceback,
    ) -> Self {
        let message = error.to_string();
        let mut report = Report::new(r#type, &message, traceback);
        if let Some(location) = location {
            report.location(location);
        }
        report.causes(error);
        report.frames(frames);
        let Coded {
            code,
            retry_after,
            status,
            details,
            ..
        } = coded.unwrap_or_default();
        Self {
            r#type: r#type.to_owned(),
            code: code.map(Cow::into_owned),
            traceback: report.finish(),
            message,
            details,
            permanent,
            // What is not to be tried again is not to be tried later.
            retry_after: retry_after.filter(|_| !permanent),
            status,
            kind: FailureKind::Error,
            location: location.map(|location| location.to_string().into()),
        }
    }

    /// What it passes on to a failure that has it as its cause.
    pub(crate) fn passed_on(&self) -> Option<Coded> {
        Some(Coded {
            permanent: self.permanent,
            retry_after: self.retry_after,
            status: self.status,
            details: self.details.clone(),
            ..Coded::passed_on(self.code.as_deref())?
        })
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
            return TaskFailure::of_parts(
                type_name::<E>(),
                (error.as_ref(), coded_errors::read_anyhow(error)),
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

    fn location(&mut self, location: impl fmt::Display) {
        if self.traceback >= Traceback::Causes {
            _ = write!(self.text, "\n    at {location}");
        }
    }

    fn causes(&mut self, error: &(dyn Error + 'static)) {
        if self.traceback < Traceback::Causes {
            return;
        }
        for cause in causes(error) {
            _ = write!(self.text, "\ncaused by: {cause}");
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
