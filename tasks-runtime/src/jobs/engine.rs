//! What decides where and when attempts of jobs begin.
//!
//! A process that has [workers](super::Jobs::run_workers) takes jobs out of the database and runs them itself, and that is all most
//! services need. An [`Engine`] is for those who have another system that drives work: one that calls back over HTTP, say, into
//! whichever process it likes. It is given to [`Jobs::engine`](super::Jobs::engine).
//!
//! Records stay where they are, in the database, so submitting, listing, canceling, progress, results, retries with their delays and
//! schedules are the same whatever drives. Attempts that are due are offered to the engine ([`Engine::dispatch`]), which sees to it that
//! somebody calls [`AttemptRunner::run`].
//!
//! ```
//! use std::time::Duration;
//!
//! use tasks_runtime::jobs::engine::{AttemptRunner, BoxError, DueAttempt, Engine, RunOutcome};
//! use tasks_runtime::jobs::{JobError, JobStatus, Jobs, Scheduler};
//! use tasks_runtime::prelude::*;
//! use tokio::sync::mpsc;
//!
//! /// Puts attempts into a channel. Another engine would send them to a server that calls back.
//! #[derive(Debug)]
//! struct Channel(mpsc::UnboundedSender<DueAttempt>);
//!
//! impl Engine for Channel {
//!     fn dispatch<'a>(&'a self, attempts: &'a [DueAttempt]) -> std::pin::Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>> {
//!         Box::pin(async move {
//!             for due in attempts {
//!                 self.0.send(*due)?;
//!             }
//!             Ok(())
//!         })
//!     }
//! }
//!
//! /// What is called back.
//! async fn call_back(attempts: &AttemptRunner, due: DueAttempt) -> Result<(), JobError> {
//!     while attempts.run(due.job).await? == RunOutcome::Busy {
//!         tokio::time::sleep(Duration::from_millis(100)).await;
//!     }
//!     Ok(())
//! }
//!
//! #[task(register = false)]
//! async fn add(a: i64, b: i64) -> i64 {
//!     a + b
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let database = Database::sqlite_in_memory().connect().await?;
//! let (sender, mut due) = mpsc::unbounded_channel();
//! let scheduler = Scheduler::new(&database, Jobs::new().engine(Channel(sender)));
//! let executor = tasks_runtime::testing::executor([task(add)]).build()?;
//! scheduler.start(&executor)?;
//!
//! let attempts = scheduler.attempt_runner()?;
//! tokio::spawn(async move {
//!     while let Some(due) = due.recv().await {
//!         call_back(&attempts, due).await?;
//!     }
//!     Ok::<_, JobError>(())
//! });
//! let job = scheduler.submit(call!(add, a = 2, b = 3)).await?;
//! assert_eq!(scheduler.wait(job.id, Duration::from_secs(10)).await?.status, JobStatus::Completed);
//! # scheduler.shutdown().await;
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

use std::fmt;
use std::pin::Pin;

pub use super::worker::AttemptRunner;
use crate::jobs::id::JobId;

/// Why an engine took nothing on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An attempt that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct DueAttempt {
    /// The job.
    pub job: JobId,
    /// How often the job was given to a process or taken from one before: 0 for its first attempt, and more for each later one. The same job
    /// and fence may be offered again; an engine may ignore repeats.
    pub fence: u64,
}

/// Drives attempts: sees to it that somebody runs them.
pub trait Engine: fmt::Debug + Send + Sync + 'static {
    /// Takes attempts on: [`AttemptRunner::run`] is to be called for the job of each, in this process or in another one that has the same
    /// database, and again for as long as it says [`RunOutcome::Busy`] or the process that was called is gone.
    ///
    /// Attempts that were refused are offered again, and from time to time those that were accepted and have not begun. One that panics, or has
    /// not answered within a [lease](crate::jobs::Jobs::lease), has refused; if all are refused for longer than that, the health of jobs says why.
    ///
    /// # Errors
    ///
    /// Nothing of it was taken on, or not all; why, for the log.
    fn dispatch<'a>(
        &'a self,
        attempts: &'a [DueAttempt],
    ) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;
}

/// What came of a call of [`AttemptRunner::run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunOutcome {
    /// The attempt has ended, and how is written down. If another one is to follow, it is offered when it is due.
    Ended,
    /// Nothing has begun: another attempt of the job runs, or has died and is not yet known to have, its queue or its task is paused,
    /// a limit over all processes does not let it begin, or this process has no place free for it. Call again later.
    Busy,
    /// There is nothing to be run: the job has ended, waits for another time, or is not there any more.
    NotDue,
}
