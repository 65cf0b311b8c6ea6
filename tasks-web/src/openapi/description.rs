//! What a document is made of.

use std::sync::Arc;

use actix_web::http::StatusCode;
use serde_json::Value;
use tasks_runtime::{RegisteredTask, TaskExecutor};

use super::path_operation::PathOperation;
use super::writer::Writer;
use crate::service_info::ServiceInfo;

/// What the document says besides the tasks.
#[derive(Clone)]
pub(crate) struct Description {
    pub(super) title: String,
    pub(super) version: String,
    pub(super) text: Option<String>,
    pub(super) mounts: Vec<Mount>,
    pub(super) service: Option<ServiceInfo>,
    pub(super) operations: Vec<PathOperation>,
    /// The header that a key comes in, where keys are asked for.
    pub(super) key_header: Option<String>,
}

impl Description {
    /// The operations that need no key: method and path.
    pub(super) fn open_operations(&self, base: &str) -> Vec<(&str, String)> {
        let open = self.operations.iter().filter(|operation| operation.open);
        open.map(|operation| {
            let path = format!("{base}{}", operation.path);
            (operation.method.as_str(), path)
        })
        .collect()
    }
}

/// Writes the operation that submits a task: from the writer, the task, the operation that executes it, and an id.
pub(crate) type WriteSubmit =
    Arc<dyn Fn(&mut Writer<'_>, &RegisteredTask, &Value, &str) -> Value + Send + Sync>;

/// Tasks and the path they are at.
#[derive(Clone)]
pub(crate) struct Mount {
    /// Where the scope is mounted; `None` when it is mounted beside the document.
    pub(crate) base: Option<String>,
    pub(crate) prefix: String,
    pub(crate) executor: TaskExecutor,
    /// Writes the operation that submits a task as a job, if jobs are submitted here.
    pub(crate) submit: Option<WriteSubmit>,
    /// The status that failures have unless they have one of their own, if they have any.
    pub(crate) failure_status: Option<StatusCode>,
}

impl Mount {
    /// Where the tasks are, seen from outside.
    pub(super) fn path(&self, base: &str) -> String {
        format!("{}{}", self.base.as_deref().unwrap_or(base), self.prefix)
    }
}
