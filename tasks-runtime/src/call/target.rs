//! A task as those see it who call it.

use std::borrow::Cow;

use super::error::ExecuteError;
use crate::arguments::RegisteredParameter;

/// What an execution asks of its task.
#[derive(Clone, Debug)]
pub(crate) struct CallTarget {
    pub(crate) name: Cow<'static, str>,
    /// Empty for a closure: its parameters are read as one struct, and none of them is injected.
    pub(crate) parameters: Vec<RegisteredParameter>,
    /// Whether it is not `async`, and so runs on the blocking pool.
    pub(crate) blocking: bool,
}

impl CallTarget {
    /// The error that says why an injected parameter has no value.
    pub(crate) fn unavailable(&self, index: usize, reason: String) -> ExecuteError {
        let (parameter, annotation) = self.parameters.get(index).map_or(("?", "?"), |parameter| {
            (parameter.name, parameter.slot.parameter().annotation)
        });
        ExecuteError::Unavailable {
            task: self.name.to_string(),
            parameter: parameter.to_owned(),
            annotation: annotation.to_owned(),
            reason,
        }
    }
}
