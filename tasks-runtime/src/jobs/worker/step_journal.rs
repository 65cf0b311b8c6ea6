//! The steps of one attempt: what earlier attempts have done, and what this one does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, OnceCell, mpsc, oneshot};

use super::step_writer::StepWrite;
use crate::database::Session;
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::clock::Clock;
use crate::jobs::error::JobError;
use crate::jobs::limits::MAX_STEPS;
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
    /// Until when the attempt is to be put off.
    suspended: Mutex<Option<i64>>,
    changed: Notify,
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
        let name = self.name(key, name.checked()?)?;
        let stored = self
            .stored
            .get_or_try_init(|| async {
                // The first attempt of a job has nothing behind it.
                if key.fence.is_first() {
                    return Ok(HashMap::new());
                }
                let read = store
                    .session
                    .read(async |conn| store::stored_steps(conn, key.job).await);
                read.await
            })
            .await?;
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

    /// Asks for the attempt to be put off until a time, as soon as no step runs.
    pub(in crate::jobs) fn suspend(&self, until: i64) {
        let mut suspended = self
            .suspended
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *suspended = Some(suspended.map_or(until, |other| other.min(until)));
        drop(suspended);
        self.changed.notify_waiters();
    }

    /// Waits until the attempt is to be put off and no step runs. Gives until when it is put off.
    pub(in crate::jobs) async fn suspended(&self) -> i64 {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let until = *self
                .suspended
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(until) = until
                && self.active.load(Ordering::SeqCst) == 0
            {
                return until;
            }
            changed.await;
        }
    }
}

impl StepStore {
    /// Stores a step. Gives what is stored when that is something else: another attempt was faster.
    pub(in crate::jobs) async fn put(&self, row: StepRow) -> Result<Option<StoredStep>, JobError> {
        let receiver = self.send(row.clone())?;
        let stored = receiver.await.map_err(|_| JobError::NotRunning)??;
        if stored {
            return Ok(None);
        }
        let (job, name) = (row.attempt.job, row.name.as_str());
        let found: Option<StoredStep> = self
            .session
            .read(async |conn| store::stored_step(conn, job, name).await)
            .await?;
        match found.filter(|step| step.result.is_some()) {
            Some(found) => Ok(Some(found)),
            None => Err(JobError::Superseded(job)),
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
