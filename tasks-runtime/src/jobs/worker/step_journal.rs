//! The steps of one attempt: what earlier attempts have done, and what this one does.

use std::collections::HashMap;
#[cfg(feature = "metrics")]
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::sync::{Notify, OnceCell, mpsc, oneshot};

use super::read_job::state_and_fence;
use super::step_writer::{PAUSE, StepWrite, is_unavailable};
use super::suspension::Suspension;
use super::write_limits::extra_time;
use crate::database::Session;
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::clock::Clock;
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::limits::{MAX_STEPS, MAX_STEPS_BYTES};
#[cfg(feature = "metrics")]
use crate::jobs::metrics::Metrics;
use crate::jobs::notifier::ChangeNotifier;
use crate::jobs::state::JobState;
use crate::jobs::step_name::StepName;
use crate::jobs::step_record::StepKind;
use crate::jobs::store::{self, StepRow, StoredStep};

/// What the journals of all attempts share.
pub(in crate::jobs) struct StepStore {
    pub(in crate::jobs) session: Session,
    pub(in crate::jobs) clock: Clock,
    pub(in crate::jobs) writer: mpsc::UnboundedSender<StepWrite>,
    pub(in crate::jobs) changes: ChangeNotifier,
    #[cfg(feature = "metrics")]
    pub(in crate::jobs) metrics: Option<Arc<Metrics>>,
}

/// The steps of an attempt.
#[derive(Default)]
pub(in crate::jobs) struct StepJournal {
    /// What earlier attempts have stored, once it was read.
    stored: OnceCell<HashMap<String, StoredStep>>,
    /// How often each name came.
    names: Mutex<HashMap<String, usize>>,
    /// How many names came.
    name_count: AtomicUsize,
    /// How many steps run.
    active: AtomicUsize,
    /// What the code waits for.
    waits: Mutex<Vec<Wait>>,
    /// How many waits there were.
    wait_count: AtomicUsize,
    /// How long the results are that are stored, in bytes.
    bytes: AtomicUsize,
    changed: Notify,
    /// When the latest of all steps began or ended: the next one begins after that, whatever the clocks of other processes said.
    latest: AtomicI64,
    /// The version of the task as this process has it.
    version: i32,
    /// Another one, which the steps are of that are stored.
    other_version: OnceLock<i32>,
}

/// Why an attempt ends before its code does.
#[derive(Clone, Debug)]
pub(in crate::jobs) enum Interruption {
    /// It waits.
    Suspended(Suspension),
    /// The steps that are stored are of this version of the task, which the process does not have.
    OtherVersion(i32),
}

/// A wait for a time, or for an event until a time at most.
#[derive(Clone, Debug)]
struct Wait {
    number: usize,
    until: i64,
    event: Option<String>,
}

/// Code waits, until this is dropped: it may have been given up for other code that was faster.
pub(in crate::jobs) struct ActiveWait<'a> {
    journal: &'a StepJournal,
    number: usize,
}

impl Drop for ActiveWait<'_> {
    fn drop(&mut self) {
        self.journal
            .waits()
            .retain(|wait| wait.number != self.number);
    }
}

/// A step that begins.
pub(in crate::jobs) enum Begun {
    /// It was done by an earlier attempt, with this result.
    Done(StoredStep),
    /// It is to be done, under this name. It may have begun to wait before.
    Open(String, Option<StoredStep>),
}

/// A step that runs, until it is dropped.
pub(in crate::jobs) struct ActiveStep<'a>(&'a StepJournal);

impl Drop for ActiveStep<'_> {
    fn drop(&mut self) {
        if self.0.active.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.changed.notify_waiters();
        }
    }
}

impl StepJournal {
    /// The steps of an attempt with this version of its task.
    pub(in crate::jobs) fn new(version: u32) -> Self {
        Self {
            version: i32::try_from(version).unwrap_or(i32::MAX),
            ..Self::default()
        }
    }

    /// The version of the task.
    pub(in crate::jobs) fn version(&self) -> i32 {
        self.version
    }

    /// Another version of the task, if the steps that are stored are of that.
    pub(in crate::jobs) fn other_version(&self) -> Option<i32> {
        self.other_version.get().copied()
    }

    /// Begins a step: looks up whether it was done before.
    pub(in crate::jobs) async fn begin(
        &self,
        store: &StepStore,
        key: AttemptKey,
        name: StepName,
    ) -> Result<Begun, JobError> {
        // What a step stores is not undone with a transaction around it.
        let database = store.session.database();
        database.check_outside()?;
        let name = self.name(key, name.checked()?)?;
        let stored = self
            .stored
            .get_or_try_init(|| async {
                // The first attempt of a job has nothing behind it.
                if key.fence.is_first() {
                    return Ok(HashMap::new());
                }
                let steps = store.read_steps(key.job).await?;
                let times = steps
                    .values()
                    .map(|step| step.started_at.max(step.finished_at.unwrap_or_default()));
                self.latest
                    .fetch_max(times.max().unwrap_or_default(), Ordering::SeqCst);
                let results = steps.values().filter_map(|step| step.result.as_ref());
                self.bytes
                    .store(results.map(String::len).sum(), Ordering::SeqCst);
                Ok::<_, JobError>(steps)
            })
            .await?;
        // The first step decides: processes with an older version of the framework write none.
        let first = stored
            .values()
            .min_by_key(|step| (step.started_at, step.name.as_str()));
        if let Some(first) = first.filter(|step| step.task_version != self.version) {
            self.other_version.get_or_init(|| first.task_version);
            self.changed.notify_waiters();
            return Err(JobError::Superseded(key.job));
        }
        let is_full =
            stored.len() >= MAX_STEPS || self.bytes.load(Ordering::SeqCst) >= MAX_STEPS_BYTES;
        if is_full && !stored.contains_key(&name) {
            return Err(JobError::TooManySteps(key.job));
        }
        Ok(match stored.get(&name) {
            Some(step) if step.result.is_some() => Begun::Done(step.clone()),
            found => Begun::Open(name, found.cloned()),
        })
    }

    /// The name, with a number when it came before in this attempt.
    fn name(&self, key: AttemptKey, name: String) -> Result<String, JobError> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let count = names.entry(name.clone()).or_default();
        *count += 1;
        let count = *count;
        drop(names);
        if count == 2 && cfg!(debug_assertions) {
            tracing::warn!(
                job_id = %key.job,
                step = name,
                "two steps of a job have the same name, so they are told apart by their order: give steps in a loop a key, as in `step((\"shard\", i), …)`"
            );
        }
        if self.name_count.fetch_add(1, Ordering::SeqCst) >= MAX_STEPS {
            return Err(JobError::TooManySteps(key.job));
        }
        Ok(if count == 1 {
            name
        } else {
            format!("{name}#{count}")
        })
    }

    /// When a step begins that begins now: after all others.
    pub(in crate::jobs) fn next_start(&self, now: i64) -> i64 {
        let start = |latest: i64| now.max(latest.saturating_add(1));
        let before = self
            .latest
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |latest| {
                Some(start(latest))
            });
        before.map_or(now, start)
    }

    /// While the guard is there, the attempt is not put off.
    pub(in crate::jobs) fn activate(&self) -> ActiveStep<'_> {
        self.active.fetch_add(1, Ordering::SeqCst);
        ActiveStep(self)
    }

    fn waits(&self) -> std::sync::MutexGuard<'_, Vec<Wait>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the attempt to be put off as soon as no step runs, if code still waits for this then.
    pub(in crate::jobs) fn wait(&self, until: i64, event: Option<String>) -> ActiveWait<'_> {
        let number = self.wait_count.fetch_add(1, Ordering::SeqCst);
        self.waits().push(Wait {
            number,
            until,
            event,
        });
        self.changed.notify_waiters();
        ActiveWait {
            journal: self,
            number,
        }
    }

    /// Waits until the attempt is to be put off and no step runs, or its steps turn out to be of another version of the task.
    pub(in crate::jobs) async fn interrupted(&self) -> Interruption {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(version) = self.other_version() {
                return Interruption::OtherVersion(version);
            }
            let waits = self.waits().clone();
            if let Some(until) = waits.iter().map(|wait| wait.until).min()
                && self.active.load(Ordering::SeqCst) == 0
            {
                let events = waits.into_iter().filter_map(|wait| wait.event).collect();
                return Interruption::Suspended(Suspension { until, events });
            }
            changed.await;
        }
    }

    /// Whether so much more may be stored.
    pub(in crate::jobs) fn has_room(&self, bytes: usize) -> bool {
        self.bytes.load(Ordering::SeqCst).saturating_add(bytes) <= MAX_STEPS_BYTES
    }

    /// Counts what was stored.
    pub(in crate::jobs) fn count_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }
}

impl StepStore {
    /// Stores a step. Gives what is stored when that is something else, of an earlier attempt that was late.
    pub(in crate::jobs) async fn put(&self, row: StepRow) -> Result<Option<StoredStep>, JobError> {
        let (attempt, name) = (row.attempt, row.name.clone());
        let stored = self.send(row)?.await.map_err(|_| JobError::NotRunning)??;
        if stored {
            self.changes.notify(attempt.job);
            return Ok(None);
        }
        self.stored_before(attempt, &name).await.map(Some)
    }

    /// What is stored of a step that this attempt could not store: another attempt was faster. An attempt that has lost its job is told so.
    pub(in crate::jobs) async fn stored_before(
        &self,
        attempt: AttemptKey,
        name: &str,
    ) -> Result<StoredStep, JobError> {
        let job = attempt.job;
        let (now, found) = loop {
            let read = self
                .session
                .read(async |conn| {
                    let now = state_and_fence(conn, job).await?;
                    Ok::<_, JobError>((now, store::stored_step(conn, job, name).await?))
                })
                .await;
            match read {
                // No attempt is spent for that.
                Err(error) if is_unavailable(&error) => tokio::time::sleep(PAUSE).await,
                read => break read?,
            }
        };
        match found {
            Some(found)
                if now == Some((JobState::Running, attempt.fence)) && found.result.is_some() =>
            {
                Ok(found)
            }
            _ => Err(JobError::Superseded(job)),
        }
    }

    /// The steps of a job that are stored, as soon as the database answers.
    async fn read_steps(&self, job: JobId) -> Result<HashMap<String, StoredStep>, JobError> {
        loop {
            let read: Result<_, JobError> = self
                .session
                .read_large(extra_time(MAX_STEPS_BYTES), async |conn| {
                    store::stored_steps(conn, job).await
                })
                .await;
            match read {
                // No attempt is spent for that.
                Err(error) if is_unavailable(&error) => tokio::time::sleep(PAUSE).await,
                read => return read,
            }
        }
    }

    fn send(&self, row: StepRow) -> Result<oneshot::Receiver<Result<bool, JobError>>, JobError> {
        row.check_size()?;
        let (done, receiver) = oneshot::channel();
        let sent = self.writer.send(StepWrite { row, done });
        sent.map_err(|_| JobError::NotRunning)?;
        Ok(receiver)
    }

    /// A step of an attempt that has begun and not ended.
    pub(in crate::jobs) fn row(
        &self,
        (attempt, task_version): (AttemptKey, i32),
        name: &str,
        kind: StepKind,
        started_at: i64,
    ) -> StepRow {
        StepRow {
            attempt,
            task_version,
            name: name.to_owned(),
            kind,
            started_at,
            finished_at: None,
            waits_until: None,
            event: None,
            child: None,
            result: None,
            error: None,
        }
    }
}
