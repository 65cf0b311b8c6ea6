//! A service that is being put together.

use tasks_runtime::ExecutorBuilder;
use tokio_util::sync::CancellationToken;

use crate::hooks::Hook;
use crate::http::sse::Streams;
use crate::monitoring::Probe;
use crate::part::Part;

pub(super) type Prepare = Box<dyn FnOnce(ExecutorBuilder) -> ExecutorBuilder + Send>;

/// Everything that is wrong, one line each.
pub(super) type Problems = Vec<String>;

/// What the parts of a service have been made into so far.
pub(super) struct Draft {
    pub(super) problems: Problems,
    pub(super) parts: Vec<Part>,
    /// What is measured when somebody asks for the metrics.
    pub(super) probes: Vec<Probe>,
    pub(super) prepare: Vec<Prepare>,
    pub(super) startup: Vec<Hook>,
    /// Types of values that would be provided if something else were not wrong.
    pub(super) not_made: Vec<&'static str>,
    /// The streams of events that are open.
    pub(super) streams: Streams,
    /// Canceled when the service is to stop.
    pub(super) stopping: CancellationToken,
}

impl Draft {
    /// Provides a value to every task, unless the application provides one of its own.
    #[cfg(feature = "database")]
    pub(super) fn provide<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        self.prepare
            .insert(0, Box::new(|executor| executor.provide(value)));
    }
}
