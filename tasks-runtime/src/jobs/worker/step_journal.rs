//! The steps of one attempt: what earlier attempts have done, and what this one does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, OnceCell, mpsc, oneshot};

use super::read_job::state_and_fence;
use super::step_writer::{PAUSE, StepWrite, is_unavailable};
use super::write_limits::extra_time;
use crate::database::Session;
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::clock::Clock;
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::limits::{MAX_STEPS, MAX_STEPS_BYTES};
use crate::jobs::state::JobState;
use crate::jobs::step_name::StepName;
use crate::jobs::step_record::StepKind;
use crate::jobs::store::{self, StepRow, StoredStep};

/// What the journals of all attempts share.
pub(in crate::jobs) struct StepStore {
    pub(in crate::jobs) session: Session,
    pub(in crate::jobs) clock: Clock,
    pub(in crate::jobs) writer: mpsc::UnboundedSender<StepWrite>,
}

/// The steps of an attempt.
#[derive(Default)]
pub(in crate::jobs) struct StepJournal {
    /// What earlier attempts have stored, once it was read.
    stored: OnceCell<HashMap<String, StoredStep>>,
    /// How often each name came.
    names: Mutex<HashMap<String, usize>>,
    /// How many steps run.
    active: AtomicUsize,
    /// What the code waits for.
    waits: Mutex<Vec<Wait>>,
    /// How many waits there were.
    wait_count: AtomicUsize,
    /// How long the results are that are stored, in bytes.
    bytes: AtomicUsize,
    changed: Notify,
}

/// A wait for a time, or for an event until a time at most.
#[derive(Clone, Debug)]
struct Wait {
    number: usize,
    until: i64,
    event: Option<String>,
}

/// What an attempt waits for that is to be put off.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Suspension {
    /// The first of the times.
    pub(in crate::jobs) until: i64,
    pub(in crate::jobs) events: Vec<String>,
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
                let results = steps.values().filter_map(|step| step.result.as_ref());
                self.bytes
                    .store(results.map(String::len).sum(), Ordering::SeqCst);
                Ok::<_, JobError>(steps)
            })
            .await?;
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
        if count == 2 && cfg!(debug_assertions) {
            tracing::warn!(
                job_id = %key.job,
                step = name,
                "two steps of a job have the same name, so they are told apart by their order: give steps in a loop a key, as in `step((\"shard\", i), …)`"
            );
        }
        if names.values().sum::<usize>() > MAX_STEPS {
            return Err(JobError::TooManySteps(key.job));
        }
        Ok(if count == 1 {
            name
        } else {
            format!("{name}#{count}")
        })
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

    /// Waits until the attempt is to be put off and no step runs.
    pub(in crate::jobs) async fn suspended(&self) -> Suspension {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let waits = self.waits().clone();
            if let Some(until) = waits.iter().map(|wait| wait.until).min()
                && self.active.load(Ordering::SeqCst) == 0
            {
                let events = waits.into_iter().filter_map(|wait| wait.event).collect();
                return Suspension { until, events };
            }
            changed.await;
        }
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
        let (now, found) = self
            .session
            .read(async |conn| {
                let now = state_and_fence(conn, job).await?;
                Ok::<_, JobError>((now, store::stored_step(conn, job, name).await?))
            })
            .await?;
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
    pub(in crate::jobs) fn row(&self, attempt: AttemptKey, name: &str, kind: StepKind) -> StepRow {
        StepRow {
            attempt,
            name: name.to_owned(),
            kind,
            started_at: self.clock.now(),
            finished_at: None,
            waits_until: None,
            event: None,
            result: None,
            error: None,
        }
    }
}
