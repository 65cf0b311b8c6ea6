//! The states of graphs and of their nodes, as they are stored and as a record says them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::jobs::record::JobStatus;

/// How far a graph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GraphStatus {
    /// Some of its nodes have not ended.
    Running,
    /// All nodes have ended, and each one that nobody else could make up for has completed.
    Completed,
    /// All nodes have ended, and one of those has not completed.
    Failed,
    /// It was canceled, and all nodes have ended.
    Canceled,
}

impl GraphStatus {
    /// Returns whether the graph has ended: it changes only if it is retried.
    #[must_use]
    pub fn is_final(self) -> bool {
        self != Self::Running
    }

    /// The word that stands for it in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    pub(super) fn stored(number: i32) -> Self {
        match number {
            2 => Self::Running,
            3 => Self::Completed,
            4 => Self::Failed,
            _ => Self::Canceled,
        }
    }

    pub(super) fn number(self) -> i32 {
        match self {
            Self::Running => 2,
            Self::Completed => 3,
            Self::Failed => 4,
            Self::Canceled => 5,
        }
    }
}

impl std::fmt::Display for GraphStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far a node of a graph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GraphNodeStatus {
    /// Some of the nodes that it comes after have not ended.
    Waiting,
    /// Its job is pending, or is about to be submitted.
    Pending,
    /// Its job runs.
    Running,
    /// Its job has completed.
    Completed,
    /// Its job has failed, or there was none because what it takes from other nodes does not fit.
    Failed,
    /// Its job was canceled or deleted, or there was none because the graph stopped before.
    Canceled,
    /// It was left out, because a node that it comes after has not completed.
    Skipped,
}

/// What becomes of a node and its graph when one that the node comes after fails or is canceled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OnFailure {
    /// The graph fails: no other node begins, and jobs that wait are canceled. Attempts that run are not stopped; no other one follows.
    #[default]
    Fail,
    /// The node is skipped, and so are those that come after it, unless they [run](Self::Run) all the same.
    Skip,
    /// The node runs as if the other one had completed.
    Run,
}

impl OnFailure {
    pub(super) fn stored(number: i32) -> Self {
        match number {
            1 => Self::Skip,
            2 => Self::Run,
            _ => Self::Fail,
        }
    }

    pub(super) fn number(self) -> i32 {
        match self {
            Self::Fail => 0,
            Self::Skip => 1,
            Self::Run => 2,
        }
    }
}

/// The state of a node as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeState {
    /// For others.
    Waiting,
    /// It has no job yet.
    Ready,
    /// Its job has not ended.
    Open,
    Completed,
    Failed,
    Canceled,
    Skipped,
}

impl NodeState {
    pub(super) fn stored(number: i32) -> Self {
        match number {
            0 => Self::Waiting,
            1 => Self::Ready,
            2 => Self::Open,
            3 => Self::Completed,
            4 => Self::Failed,
            6 => Self::Skipped,
            _ => Self::Canceled,
        }
    }

    pub(super) fn number(self) -> i32 {
        match self {
            Self::Waiting => 0,
            Self::Ready => 1,
            Self::Open => 2,
            Self::Completed => 3,
            Self::Failed => 4,
            Self::Canceled => 5,
            Self::Skipped => 6,
        }
    }

    pub(super) fn has_ended(self) -> bool {
        !matches!(self, Self::Waiting | Self::Ready | Self::Open)
    }

    /// That of a node whose job is like this; without one it was deleted.
    pub(super) fn of_job(status: Option<JobStatus>) -> Self {
        match status {
            Some(JobStatus::Pending | JobStatus::Running) => Self::Open,
            Some(JobStatus::Completed) => Self::Completed,
            Some(JobStatus::Failed) => Self::Failed,
            Some(JobStatus::Canceled) | None => Self::Canceled,
        }
    }

    /// As a record says it, of a node whose job is like this.
    pub(super) fn status(self, job: Option<JobStatus>) -> GraphNodeStatus {
        match self {
            Self::Waiting => GraphNodeStatus::Waiting,
            Self::Ready => GraphNodeStatus::Pending,
            // Its end may not have been looked at yet.
            Self::Open => match job {
                Some(JobStatus::Pending) => GraphNodeStatus::Pending,
                Some(JobStatus::Running) => GraphNodeStatus::Running,
                Some(JobStatus::Completed) => GraphNodeStatus::Completed,
                Some(JobStatus::Failed) => GraphNodeStatus::Failed,
                Some(JobStatus::Canceled) | None => GraphNodeStatus::Canceled,
            },
            Self::Completed => GraphNodeStatus::Completed,
            Self::Failed => GraphNodeStatus::Failed,
            Self::Canceled => GraphNodeStatus::Canceled,
            Self::Skipped => GraphNodeStatus::Skipped,
        }
    }
}

/// Why no other node of a graph begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// A node failed.
    Failed,
    Canceled,
    /// Its deadline was over.
    Overdue,
}

impl Stop {
    pub(super) fn stored(number: i32) -> Option<Self> {
        match number {
            0 => None,
            1 => Some(Self::Failed),
            3 => Some(Self::Overdue),
            _ => Some(Self::Canceled),
        }
    }

    pub(super) fn number(stop: Option<Self>) -> i32 {
        match stop {
            None => 0,
            Some(Self::Failed) => 1,
            Some(Self::Canceled) => 2,
            Some(Self::Overdue) => 3,
        }
    }

    /// Whether jobs that run are asked to stop, too.
    pub(super) fn stops_running(self) -> bool {
        self != Self::Failed
    }
}
