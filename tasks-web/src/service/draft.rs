//! A service that is being put together.

use tasks_runtime::ExecutorBuilder;
use tokio_util::sync::CancellationToken;

use crate::hooks::Hook;
use crate::http::sse::Streams;
use crate::part::{Part, ScrapeHook, check_claims};

pub(super) type Prepare = Box<dyn FnOnce(ExecutorBuilder) -> ExecutorBuilder + Send>;

/// Everything that is wrong, one line each.
pub(super) type Problems = Vec<String>;

/// What the parts of a service have been made into so far.
pub(super) struct Draft {
    pub(super) problems: Problems,
    pub(super) parts: Vec<Part>,
    /// What is measured when somebody asks for the metrics.
    pub(super) on_scrape: Vec<ScrapeHook>,
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
    /// Adds a part, and puts each piece of it where it belongs.
    pub(super) fn add(&mut self, mut part: Part) {
        if let Some(provide) = part.provide.take() {
            // Before those of the application: of two values of a type, the last one counts.
            self.prepare
                .insert(0, Box::new(move |executor| provide(executor)));
        }
        self.startup.extend(part.startup.take());
        self.on_scrape.extend(part.on_scrape.take());
        self.parts.push(part);
    }

    /// Takes the parts that are served on the management port.
    pub(super) fn take_managed(&mut self) -> Vec<Part> {
        let parts = std::mem::take(&mut self.parts).into_iter();
        let (managed, rest): (Vec<Part>, Vec<Part>) = parts.partition(|part| part.management);
        self.parts = rest;
        if managed.is_empty() {
            self.problems.push(
                "`management_bind` opens a port, and there is nothing to serve on it: call `with_health`, \
                 `with_monitoring` or `with_system` as well, or leave it out"
                    .to_owned(),
            );
        }
        check_claims(&managed, &mut self.problems);
        managed
    }
}
