//! Errors of a body, collected so that all are said at once.

use tasks_runtime::ArgumentError;
use tasks_runtime::artifacts::JsonText;
use tasks_runtime::shared::repeated_members;

use crate::problem::{MAX_ERRORS, Problem};

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct BodyErrors(Vec<ArgumentError>);

impl BodyErrors {
    pub(super) fn push(&mut self, pointer: &str, detail: impl Into<String>) {
        self.0
            .push(ArgumentError::new(pointer.to_owned(), detail.into()));
    }

    /// What is given more than once inside of a value, of which a reader would take the last.
    pub(super) fn push_repeated(&mut self, pointer: &str, value: &JsonText) {
        for place in repeated_members(value.as_str(), MAX_ERRORS) {
            self.push(&format!("{pointer}{place}"), "given twice");
        }
    }

    /// The request is well-formed, and does not fit what is there.
    pub(super) fn conflict(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Problem::conflicting_body(self.0))
    }

    pub(super) fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.into_problem())
        }
    }

    pub(super) fn into_problem(self) -> Problem {
        Problem::invalid_body(self.0)
    }
}
