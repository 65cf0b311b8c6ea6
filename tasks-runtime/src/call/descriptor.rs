//! What `#[task]` generates for a function.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::fmt;
use std::time::Duration;

use super::shim::Shim;
use crate::task::{EventType, FailureCode, JobPolicy, ToolPolicy};

/// A task as the macro describes it. Made by `#[task]` alone.
pub struct TaskDescriptor {
    pub name: &'static str,
    pub description: Option<&'static str>,
    pub signature: &'static str,
    pub tags: &'static [&'static str],
    pub timeout: Option<Duration>,
    pub job: JobPolicy,
    /// What it is for agents.
    pub tool: ToolPolicy,
    pub module: &'static str,
    pub file: &'static str,
    pub line: u32,
    /// Whether [`TaskRegistry::discover`](crate::TaskRegistry::discover) takes it.
    pub discover: bool,
    /// Codes that its failures can have, beside those of the type of its errors.
    pub error_codes: &'static [&'static [FailureCode]],
    /// Events that its jobs wait for; empty when it says none.
    pub events: &'static [EventType],
    pub shim: &'static dyn Shim,
}

impl fmt::Debug for TaskDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TaskDescriptor({} at {}:{})",
            self.name, self.file, self.line
        )
    }
}

inventory::collect!(TaskDescriptor);

/// All linked tasks, also those that discovery leaves out.
pub(crate) fn linked() -> impl Iterator<Item = &'static TaskDescriptor> {
    inventory::iter::<TaskDescriptor>()
}
