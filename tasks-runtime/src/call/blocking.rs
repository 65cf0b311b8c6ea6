//! Where sync tasks run.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// Threads for sync tasks, apart from those that anything else blocks.
///
/// They belong to a runtime of the executor's own, made when the first sync task runs, unless the application gave one.
#[derive(Debug)]
pub(crate) struct BlockingPool {
    given: Option<Handle>,
    owned: OnceLock<Runtime>,
    threads: usize,
}

impl BlockingPool {
    pub(crate) fn new(given: Option<Handle>, threads: usize) -> Self {
        Self {
            given,
            owned: OnceLock::new(),
            threads: threads.max(1),
        }
    }

    pub(crate) fn spawn<R: Send + 'static>(
        &self,
        run: impl FnOnce() -> R + Send + 'static,
    ) -> Result<JoinHandle<R>, std::io::Error> {
        if let Some(handle) = &self.given {
            return Ok(handle.spawn_blocking(run));
        }
        let runtime = match self.owned.get() {
            Some(runtime) => runtime,
            None => {
                /// Files and host names block threads, too, and sync code may wait for a future that needs one: there
                /// have to be threads that no task can take. As many as tokio has unless told otherwise.
                const SPARE: usize = 512;
                // One worker drives timers and sockets for sync code that blocks on a future through `Handle::current()`.
                let runtime = Builder::new_multi_thread()
                    .worker_threads(1)
                    .max_blocking_threads(self.threads.saturating_add(SPARE))
                    .thread_name("tasks-blocking")
                    .enable_all()
                    .build()?;
                // Lost a race: the other one is as good.
                if let Err(spare) = self.owned.set(runtime) {
                    spare.shutdown_background();
                }
                self.owned
                    .get()
                    .ok_or_else(|| std::io::Error::other("the runtime for sync tasks is gone"))?
            }
        };
        Ok(runtime.spawn_blocking(run))
    }
}

impl Drop for BlockingPool {
    fn drop(&mut self) {
        if let Some(runtime) = self.owned.take() {
            // Dropping a runtime waits for its threads, which is not allowed in async code.
            runtime.shutdown_background();
        }
    }
}
