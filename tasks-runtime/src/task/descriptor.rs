//! What `#[task]` generates for a function.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::any::TypeId;
use std::fmt;
use std::time::Duration;

use schemars::{Schema, SchemaGenerator};

use crate::arguments::AnySlot;
use crate::execute::{Call, Running};

/// A task as the macro describes it. Made by `#[task]` alone.
pub struct TaskDescriptor {
    pub name: &'static str,
    pub description: Option<&'static str>,
    pub signature: &'static str,
    pub tags: &'static [&'static str],
    pub parameters: &'static [Parameter],
    pub timeout: Option<Duration>,
    /// Whether the function is not `async`, and so runs on the blocking pool.
    pub blocking: bool,
    pub module: &'static str,
    pub file: &'static str,
    pub line: u32,
    /// Identifies the function: function items have types of their own.
    pub function: fn() -> TypeId,
    pub output_schema: fn(&mut SchemaGenerator) -> Option<Schema>,
    pub start: fn(&mut Call<'_>) -> Option<Running>,
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

/// One parameter of a function.
pub struct Parameter {
    pub name: &'static str,
    pub annotation: &'static str,
    pub description: Option<&'static str>,
    /// The default's expression as text.
    pub default: Option<&'static str>,
    pub secret: bool,
    pub slot: &'static dyn AnySlot,
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter({}: {})", self.name, self.annotation)
    }
}

/// A task found at link time.
#[derive(Debug)]
pub struct Registration {
    pub task: &'static TaskDescriptor,
    /// Whether [`TaskRegistry::discover`](crate::TaskRegistry::discover) takes it.
    pub discover: bool,
}

inventory::collect!(Registration);

/// All linked tasks, also those that discovery leaves out.
pub(crate) fn linked() -> impl Iterator<Item = &'static Registration> {
    inventory::iter::<Registration>()
}
