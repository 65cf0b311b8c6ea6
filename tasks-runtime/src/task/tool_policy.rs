//! What a task is for agents: hints for those who let it run, and how it is a tool.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What callers may assume of a task, as `#[task(read_only)]` and the like say: for the dialog that asks a person, and for an agent
/// that decides what to try again.
///
/// The defaults are the careful ones of the Model Context Protocol (`ToolAnnotations`).
///
/// ```
/// use tasks_runtime::TaskHints;
///
/// let hints = TaskHints::default();
/// assert!(!hints.read_only && hints.destructive && !hints.idempotent && hints.open_world);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TaskHints {
    /// Whether the task changes nothing: `#[task(read_only)]`. False when the task does not say it.
    pub read_only: bool,
    /// Whether the task may delete or overwrite something. True when the task neither says `destructive = false` nor is read-only.
    pub destructive: bool,
    /// Whether a second run with the same arguments changes nothing more: `#[task(idempotent)]`, and every task that is read-only.
    pub idempotent: bool,
    /// Whether the task reaches things outside of the service, such as other services. True when the task does not say
    /// `open_world = false`.
    pub open_world: bool,
}

impl Default for TaskHints {
    fn default() -> Self {
        ToolPolicy::DEFAULT.hints()
    }
}

impl TaskHints {
    /// Whether the task says nothing of itself.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What `#[task(…)]` says of agents: hints, and how the task is a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
#[allow(
    missing_docs,
    reason = "for generated code, which is not written by hand"
)]
pub struct ToolPolicy {
    read_only: bool,
    destructive: bool,
    idempotent: bool,
    open_world: bool,
    pub kind: ToolKind,
    /// Its name for people.
    pub title: Option<&'static str>,
    /// Address of a picture: `https:` or `data:`.
    pub icon: Option<&'static str>,
}

/// How a task is offered to agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
#[allow(
    missing_docs,
    reason = "for generated code, which is not written by hand"
)]
pub enum ToolKind {
    /// A tool, which is called.
    Tool,
    /// A tool whose calls are jobs.
    Job,
    /// A prompt: what it returns are messages.
    Prompt,
    /// Not at all.
    Hidden,
}

impl ToolPolicy {
    /// A tool that may do anything.
    pub const DEFAULT: Self = Self {
        read_only: false,
        destructive: true,
        idempotent: false,
        open_world: true,
        kind: ToolKind::Tool,
        title: None,
        icon: None,
    };

    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    #[must_use]
    pub const fn destructive(mut self, destructive: bool) -> Self {
        self.destructive = destructive;
        self
    }

    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    #[must_use]
    pub const fn open_world(mut self, open: bool) -> Self {
        self.open_world = open;
        self
    }

    #[must_use]
    pub const fn kind(mut self, kind: ToolKind) -> Self {
        self.kind = kind;
        self
    }

    #[must_use]
    pub const fn title(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    #[must_use]
    pub const fn icon(mut self, icon: &'static str) -> Self {
        self.icon = Some(icon);
        self
    }

    /// What callers may assume: a task that changes nothing destroys nothing, and may run twice.
    #[must_use]
    pub const fn hints(&self) -> TaskHints {
        TaskHints {
            read_only: self.read_only,
            destructive: self.destructive && !self.read_only,
            idempotent: self.idempotent || self.read_only,
            open_world: self.open_world,
        }
    }
}
