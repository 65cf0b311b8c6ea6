//! How many crashes a job may have, by its task.

use std::fmt::Write as _;

use crate::registry::{RegisteredTask, TaskRegistry};

/// How many processes may die of one job.
#[derive(Debug)]
pub(in crate::jobs) struct CrashLimits {
    pub(in crate::jobs) general: u32,
    /// Limits of tasks that set their own.
    pub(in crate::jobs) tasks: Vec<(String, u32)>,
}

impl CrashLimits {
    pub(in crate::jobs) fn new(general: u32, registry: &TaskRegistry) -> Self {
        let own =
            |task: &RegisteredTask| Some((task.name().to_owned(), task.policy().crash_limit?));
        Self {
            general,
            tasks: registry.iter().filter_map(own).collect(),
        }
    }

    /// An expression of SQL. Names of tasks are letters, digits, `_` and `-`: nothing to escape.
    pub(super) fn sql(&self) -> String {
        if self.tasks.is_empty() {
            return self.general.to_string();
        }
        let mut sql = "CASE task_name".to_owned();
        for (task, limit) in &self.tasks {
            let _ = write!(sql, " WHEN '{task}' THEN {limit}");
        }
        let _ = write!(sql, " ELSE {} END", self.general);
        sql
    }
}
