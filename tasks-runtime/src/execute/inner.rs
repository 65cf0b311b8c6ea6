//! What all executions of one executor share.

use std::sync::Arc;
use std::time::Duration;

use tracing::Level;

use super::slow_polls::SlowPolls;
use crate::call::Resources;
use crate::context::ExecutorHandle;
#[cfg(feature = "database")]
use crate::registry::RegisteredTask;
use crate::registry::TaskRegistry;
#[cfg(feature = "database")]
use crate::task::EventType;

/// The tasks of an executor, and how they are run.
pub(crate) struct ExecutorInner {
    pub(crate) registry: TaskRegistry,
    pub(crate) resources: Arc<Resources>,
    pub(crate) default_timeout: Option<Duration>,
    pub(crate) span_level: Level,
    pub(crate) slow_polls: Option<SlowPolls>,
    #[cfg(feature = "metrics")]
    pub(crate) metrics: Option<super::metrics::Metrics>,
}

impl ExecutorHandle for ExecutorInner {
    fn task_name(&self, position: usize) -> &str {
        &self.resources.targets[position].name
    }

    #[cfg(feature = "database")]
    fn has_secrets(&self, position: usize) -> bool {
        let name = &self.resources.targets[position].name;
        self.registry
            .get(name)
            .is_ok_and(RegisteredTask::has_secrets)
    }

    #[cfg(feature = "database")]
    fn events(&self, position: usize) -> &'static [EventType] {
        let name = &self.resources.targets[position].name;
        let entry = self.registry.get(name);
        entry.map_or(&[], RegisteredTask::events)
    }

    #[cfg(feature = "database")]
    fn span_level(&self) -> Level {
        self.span_level
    }
}
