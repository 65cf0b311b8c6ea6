//! What is to be run, and how.

use std::future::IntoFuture;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use super::checked_call::CheckedCall;
use super::error::JobError;
use super::flow_control::BurstKind;
use super::id::JobId;
use super::limits::MAX_DELAY;
use super::new_job_row::{ExplicitOptions, NewJobRow};
use super::options::{SubmitOptions, When};
use super::origin::Origin;
use super::record::JobRecord;
use super::scheduler::Scheduler;
use super::state::JobState;
use crate::arguments::ArgumentError;
use crate::database::Transaction;

/// A job that is about to be submitted: `.await` it to store it, or pass it to [`within`](Self::within) a transaction.
///
/// ```
/// use std::time::Duration;
/// use tasks_runtime::prelude::*;
///
/// #[task]
/// async fn send(to: String) -> String {
///     format!("sent to {to}")
/// }
///
/// #[task]
/// async fn remind(scheduler: Scheduler, to: String) -> anyhow::Result<String> {
///     let job = scheduler
///         .submit(call!(send, to = to))
///         .description("a reminder")
///         .delay(Duration::from_secs(3600))
///         .max_attempts(5)
///         .await?;
///     Ok(job.id.to_string())
/// }
/// # fn main() {}
/// ```
#[must_use = "nothing is stored before it is awaited"]
#[derive(Debug)]
pub struct Submit {
    pub(super) scheduler: Scheduler,
    /// The name of the task and its parameters as JSON, checked.
    pub(super) call: Result<CheckedCall, JobError>,
    pub(super) options: SubmitOptions,
}

/// What a submission came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Submitted {
    /// The job.
    pub job: JobRecord,
    /// Whether an earlier submission stored it: one with the same [idempotency key](Submit::idempotency_key), or one of a task with
    /// `unique = "params"` whose job waits or runs, or one of the same burst ([`throttle`](Submit::throttle), [`debounce`](Submit::debounce)).
    pub replayed: bool,
}

impl Submit {
    /// What it is about, for those who look at the list: up to 4,096 characters, none of them U+0000.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.options.description = Some(text.into());
        self
    }

    /// Runs it so much later.
    pub fn delay(mut self, delay: Duration) -> Self {
        if delay > MAX_DELAY {
            self.options.wrong.push("/delay", "is more than ten years");
        } else {
            self.options.when = Some(When::After(delay));
        }
        self
    }

    /// Runs it at a time, or at once when that is over.
    pub fn at(mut self, time: SystemTime) -> Self {
        // What is over is now: how long ago it was does not matter.
        let delay = time.duration_since(SystemTime::now()).unwrap_or_default();
        if delay > MAX_DELAY {
            self.options
                .wrong
                .push("/scheduled_at", "is more than ten years away");
        } else {
            self.options.when = Some(When::At(time.into()));
        }
        self
    }

    /// Jobs of a higher one go first, in the same queue: among those of one task that has a `max_concurrency`, among those with one key of a task that has limits
    /// over all processes, and among those of all other tasks. Defaults to 0, here or on the task.
    pub fn priority(mut self, priority: i32) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// The queue it waits in, in place of the task's own.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.options.queue = Some(queue.into());
        self
    }

    /// How many attempts there may be, in place of those of the task: 1 is no retry.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.max_attempts = Some(attempts);
        self
    }

    /// A name of the caller's for this very job: what is submitted under it again is not stored again, and gives the job that
    /// is there, however that one ended. For as long as that one is kept. With other parameters, another description, queue,
    /// priority, number of attempts, timeout or time, or from [another caller](Self::submitted_by), it is an error, [`JobError::KeyReused`].
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.options.idempotency_key = Some(key.into());
        self
    }

    /// Stores a new job if the one with the same [idempotency key](Self::idempotency_key) has failed or was canceled. That one stays as it
    /// is, and has no key any more. Without this call it is given back.
    ///
    /// Without a key it is an error, [`JobError::Invalid`]: there is no job that it could be about.
    pub fn again_after_failure(mut self) -> Self {
        self.options.again = true;
        self
    }

    /// Name of the caller who submits the job, for example of an API key. It is in the record, and a task that asks for its [`Caller`](crate::Caller) finds it
    /// there as the name of the key. Up to 255 bytes.
    pub fn submitted_by(mut self, name: impl Into<String>) -> Self {
        self.options.submitted_by = Some(name.into());
        self
    }

    /// Says that it runs another job of its task again, with the same parameters or changed ones: [`Scheduler::lineage`] of each has the other. That job has to
    /// be there, and of the same task; otherwise it is an error, [`JobError::JobNotFound`]. What the job is that submits this one need not be said: when this is
    /// awaited in the async code of a task that runs as a job, that job is the parent.
    pub fn rerun_of(mut self, job: JobId) -> Self {
        self.options.rerun_of = Some(job);
        self
    }

    /// How long an attempt may take, in place of the task's own timeout.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Runs the first of a burst of submissions: those that follow it within the period, of the same task, with the same key and from the same
    /// [caller](Self::submitted_by), store nothing and give its job back, whatever their parameters are and however that job ended. The key has 1 to 255 bytes; a
    /// period has a millisecond to ten years.
    ///
    /// Where it is the answer, an [idempotency key](Self::idempotency_key) of the later submission is not stored.
    pub fn throttle(mut self, key: impl Into<String>, period: Duration) -> Self {
        let kind = BurstKind::Throttle;
        self.options.burst(kind, key.into(), period);
        self
    }

    /// Runs the last of a burst of submissions, once none has followed it for the period: each one of the same task, with the same key and from the same
    /// [caller](Self::submitted_by), takes the place of the one before, with its parameters and options, as long as that one waits. All of them give the same job. The
    /// key has 1 to 255 bytes; a period has a millisecond to ten years.
    ///
    /// Submissions that never pause for so long put the job off for ever.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task]
    /// async fn index(page: u64) -> String {
    ///     format!("page {page} is in the index")
    /// }
    ///
    /// /// However often a page is saved, it is indexed five seconds after the last time.
    /// async fn saved(scheduler: &Scheduler, page: u64) -> anyhow::Result<()> {
    ///     let job = scheduler.submit(call!(index, page = page));
    ///     job.debounce(page.to_string(), Duration::from_secs(5)).await?;
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// With a [delay](Self::delay) or a [time](Self::at), it does not begin before that, either. An [idempotency key](Self::idempotency_key) of a later submission is not
    /// stored. Of a task with `unique = "params"` it is an error, [`JobError::Invalid`].
    pub fn debounce(mut self, key: impl Into<String>, period: Duration) -> Self {
        let kind = BurstKind::Debounce;
        self.options.burst(kind, key.into(), period);
        self
    }

    /// Adds what somebody else has found wrong with the options, as the reader of a request does: nothing is stored, and all that is wrong is
    /// one error.
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = ArgumentError>) -> Self {
        self.options.wrong.extend(errors);
        self
    }

    /// Stores it inside a transaction: the job exists if and when that commits.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task]
    /// async fn welcome(name: String) -> String {
    ///     format!("welcome, {name}")
    /// }
    ///
    /// #[task]
    /// async fn sign_up(session: Session, scheduler: Scheduler, name: String) -> anyhow::Result<String> {
    ///     let job = session
    ///         .transaction(async |tx| {
    ///             // … the user's row …
    ///             scheduler.submit(call!(welcome, name = name)).within(tx).await
    ///         })
    ///         .await?;
    ///     Ok(job.id.to_string())
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// The same as awaiting it.
    pub async fn within(self, transaction: &mut Transaction) -> Result<JobRecord, JobError> {
        let scheduler = self.scheduler.clone();
        scheduler.clock().refresh(transaction).await?;
        let row = self.row()?;
        scheduler.insert_within(transaction, row).await
    }

    /// Stores it, as awaiting it does, and says whether it was there before.
    ///
    /// # Errors
    ///
    /// The same as awaiting it.
    pub async fn store(self) -> Result<Submitted, JobError> {
        let scheduler = self.scheduler.clone();
        scheduler.refresh_clock().await?;
        let row = self.row()?;
        let id = row.id;
        let job = scheduler.insert(row).await?;
        Ok(Submitted {
            replayed: job.id != id,
            job,
        })
    }

    /// The row, if all is well.
    pub(super) fn row(self) -> Result<NewJobRow, JobError> {
        let mut options = self.options;
        let mut wrong = options.check(|| self.scheduler.queue_names());
        let is_debounced =
            (options.burst.as_ref()).is_some_and(|burst| burst.kind == BurstKind::Debounce);
        if is_debounced && self.call.as_ref().is_ok_and(|call| call.policy.unique) {
            wrong.push(
                "/debounce",
                "says which submissions are one, as the task does by its parameters (`unique`): leave one of the two out",
            );
        }
        let checked = wrong.finish(self.call)?;
        let clock = self.scheduler.clock();
        let now = clock.now();
        let mut row = NewJobRow::of_task(checked, now);
        options.say_how(&mut row);
        let later = options.when.map(|when| match when {
            When::After(delay) => clock.after(delay),
            When::At(time) => time.timestamp_micros(),
        });
        let later = match &options.burst {
            Some(burst) if is_debounced => {
                let quiet = clock.after(burst.period);
                Some(later.map_or(quiet, |at| at.max(quiet)))
            }
            _ => later,
        };
        if let Some(at) = later.filter(|at| *at > now) {
            row.state = JobState::Scheduled;
            row.run_at = at;
            row.scheduled_at = Some(at);
        }
        row.idempotency_key = options.idempotency_key;
        row.submitted_by = options.submitted_by;
        row.again = options.again;
        row.burst = options.burst;
        row.origin = Origin::here(options.rerun_of);
        row.explicit = ExplicitOptions {
            description: options.description.is_some(),
            queue: options.queue.is_some(),
            priority: options.priority.is_some(),
            max_attempts: options.max_attempts.is_some(),
            timeout: options.timeout.is_some(),
            scheduled_at: matches!(options.when, Some(When::At(_))),
        };
        Ok(row)
    }
}

impl IntoFuture for Submit {
    type Output = Result<JobRecord, JobError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(self.store().await?.job) })
    }
}
