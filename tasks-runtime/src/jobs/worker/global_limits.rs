//! Limits over all processes, as this process has them.

use std::collections::BTreeMap;

use crate::jobs::flow_control::{QueueLimits, TaskLimits};
use crate::registry::TaskRegistry;

/// Limits over all processes, as this process has them.
#[derive(Debug, Default)]
pub(in crate::jobs) struct GlobalLimits {
    tasks: BTreeMap<String, TaskLimits>,
    queues: BTreeMap<String, QueueLimits>,
}

impl GlobalLimits {
    pub(in crate::jobs) fn new(
        registry: &TaskRegistry,
        queues: &BTreeMap<String, QueueLimits>,
    ) -> Self {
        let tasks = registry.iter().filter_map(|task| {
            let limits = TaskLimits::of(&task.policy())?;
            Some((task.name().to_owned(), limits))
        });
        Self {
            tasks: tasks.collect(),
            queues: queues.clone(),
        }
    }

    /// Names of the tasks that have limits.
    pub(in crate::jobs) fn task_names(&self) -> impl Iterator<Item = &str> {
        self.tasks.keys().map(String::as_str)
    }

    pub(in crate::jobs) fn of_task(&self, task: &str) -> Option<TaskLimits> {
        self.tasks.get(task).copied()
    }

    pub(in crate::jobs) fn queues(&self) -> &BTreeMap<String, QueueLimits> {
        &self.queues
    }

    pub(in crate::jobs) fn is_limited(&self, task: &str) -> bool {
        self.tasks.contains_key(task)
    }

    /// Whether the end of a job of this task may let another one begin in another process.
    pub(in crate::jobs) fn concerns(&self, task: Option<&str>) -> bool {
        let limits_queues = self
            .queues
            .values()
            .any(|limits| limits.concurrency.is_some());
        limits_queues || task.is_some_and(|task| self.is_limited(task))
    }
}
