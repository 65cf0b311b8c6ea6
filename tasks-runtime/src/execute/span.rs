//! The span of one execution. It holds no parameter values.

use std::time::Duration;

use tracing::field::Empty;
use tracing::{Level, Span};

use crate::call::ExecuteError;
use crate::context::TaskContext;
use crate::task::Outcome;

/// A level is part of what is known of a span at compile time, so there is one of each.
pub(super) fn begin(level: Level, context: &TaskContext) -> Span {
    macro_rules! span {
        ($level:expr) => {
            tracing::span!(
                $level,
                "task",
                task.name = context.task_name(),
                execution.id = %context.execution_id(),
                outcome = Empty,
                duration_ms = Empty,
            )
        };
    }
    match level {
        Level::ERROR => span!(Level::ERROR),
        Level::WARN => span!(Level::WARN),
        Level::INFO => span!(Level::INFO),
        Level::DEBUG => span!(Level::DEBUG),
        Level::TRACE => span!(Level::TRACE),
    }
}

pub(super) fn end(span: &Span, result: &Result<Outcome, ExecuteError>, took: Duration) {
    let outcome = match result {
        Ok(Outcome::Completed(_)) => "completed",
        Ok(Outcome::Failed(_)) => "failed",
        Err(_) => "refused",
    };
    let duration_ms = took.as_secs_f64() * 1000.0;
    tracing::record_all!(span, outcome = outcome, duration_ms = duration_ms);
}
