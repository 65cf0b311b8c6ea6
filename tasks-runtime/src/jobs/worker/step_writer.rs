//! Stores the steps of all attempts of this process, many in one transaction: each waits for its own, and a commit is what costs.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::write_limits::{extra_time, limit_lock_wait};
use crate::database::{DatabaseError, Session};
use crate::jobs::error::JobError;
use crate::jobs::store::{self, StepRow};

/// How many are stored at once.
const BATCH_SIZE: usize = 500;
/// How many bytes of results.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Pause after the database was not available.
pub(super) const PAUSE: Duration = Duration::from_millis(300);

/// A step to be stored.
pub(in crate::jobs) struct StepWrite {
    pub(in crate::jobs) row: StepRow,
    /// Who waits for it.
    pub(in crate::jobs) done: oneshot::Sender<Result<bool, JobError>>,
}

impl StepWrite {
    fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        length(&self.row.result) + length(&self.row.error)
    }
}

/// Stores what it is sent, and says whether it was. Ends when nobody sends any more.
pub(super) async fn run(session: Session, mut steps: mpsc::UnboundedReceiver<StepWrite>) {
    let mut waiting: VecDeque<StepWrite> = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match steps.recv().await {
                Some(step) => waiting.push_back(step),
                None => return,
            }
        }
        while let Ok(step) = steps.try_recv() {
            waiting.push_back(step);
        }
        // An attempt that was stopped does not wait any more.
        waiting.retain(|step| !step.done.is_closed());
        let batch = next_batch(&mut waiting);
        if batch.is_empty() {
            continue;
        }
        if let Some(failed) = write(&session, batch).await {
            // The database is not available, or rows are locked: nothing is lost by waiting.
            tokio::time::sleep(PAUSE).await;
            waiting.extend(failed);
        }
    }
}

fn next_batch(waiting: &mut VecDeque<StepWrite>) -> Vec<StepWrite> {
    let mut bytes = 0;
    let mut batch = Vec::new();
    while batch.len() < BATCH_SIZE
        && let Some(step) = waiting.front()
    {
        bytes += step.bytes();
        if !batch.is_empty() && bytes > BATCH_BYTES {
            break;
        }
        batch.extend(waiting.pop_front());
    }
    batch
}

/// Stores a batch, in parts if the database does not take it as a whole: one row that is locked, or refused, holds up no other. Gives back what is to
/// be tried again.
async fn write(session: &Session, batch: Vec<StepWrite>) -> Option<Vec<StepWrite>> {
    let mut parts = vec![batch];
    let mut again = Vec::new();
    while let Some(mut part) = parts.pop() {
        match put(session, &part).await {
            Ok(stored) => {
                for (step, stored) in part.into_iter().zip(stored) {
                    let _ = step.done.send(Ok(stored));
                }
            }
            Err(error) if is_unavailable(&error) && !is_of_few(&error) => {
                tracing::debug!(%error, "steps of jobs are not stored yet");
                again.extend(part);
                again.extend(parts.drain(..).flatten());
            }
            Err(_) if part.len() > 1 => {
                let rest = part.split_off(part.len() / 2);
                parts.extend([part, rest]);
            }
            Err(error) if is_unavailable(&error) => {
                tracing::debug!(%error, "a step of a job is not stored yet");
                again.extend(part);
            }
            Err(error) => {
                if let Some(step) = part.pop() {
                    let _ = step.done.send(Err(error));
                }
            }
        }
    }
    (!again.is_empty()).then_some(again)
}

async fn put(session: &Session, steps: &[StepWrite]) -> Result<Vec<bool>, JobError> {
    let rows: Vec<StepRow> = steps.iter().map(|step| step.row.clone()).collect();
    let bytes = steps.iter().map(StepWrite::bytes).sum();
    session
        .transaction_large(extra_time(bytes), async |tx| {
            limit_lock_wait(tx).await?;
            store::put_steps(tx, &rows).await
        })
        .await
}

/// Whether a few of the rows may be the reason: others have locked them, or they are large.
fn is_of_few(error: &JobError) -> bool {
    matches!(error, JobError::Database(error)
    if error.is_lock_timeout()
        || matches!(
            error,
            DatabaseError::TransactionTimeout { .. } | DatabaseError::StatementTimeout { .. }
        ))
}

/// Whether the same may be stored or read a moment later.
pub(super) fn is_unavailable(error: &JobError) -> bool {
    matches!(error, JobError::Database(error)
        if error.is_temporary() || error.is_lock_timeout() || error.is_storage_full() || error.is_read_only())
}
