//! The threads of a database.

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime of the database's own.
///
/// A connection that lived on the runtime of whoever asked for it first would end with that one; and a worker of actix that
/// is busy computing would keep the answers from everybody else's queries.
#[derive(Debug)]
pub(super) struct Background {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Background {
    /// `blocking` is how many queries may block a thread at once.
    pub(super) fn start(blocking: usize) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            // Files and host names block threads, too.
            .max_blocking_threads(blocking.saturating_add(16))
            .thread_name("tasks-database")
            .enable_all()
            .build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping a runtime waits for its threads, which is not allowed in async code.
            runtime.shutdown_background();
        }
    }
}
