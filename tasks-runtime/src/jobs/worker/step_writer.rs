//! Stores the steps of all attempts of this process, many in one transaction: each waits for its own, and a commit is what costs.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::database::Session;
use crate::jobs::error::JobError;
use crate::jobs::store::{self, StepRow};

/// How many are stored at once.
const BATCH_SIZE: usize = 500;
/// How many bytes of results.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Pause after the database was not available.
const PAUSE: Duration = Duration::from_millis(300);

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
            // The database is not available: nothing is lost by waiting.
            tokio::time::sleep(PAUSE).await;
            for step in failed.into_iter().rev() {
                waiting.push_front(step);
            }
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

/// Gives back what is to be tried again.
async fn write(session: &Session, batch: Vec<StepWrite>) -> Option<Vec<StepWrite>> {
    match put(session, &batch).await {
        Ok(stored) => {
            for (step, stored) in batch.into_iter().zip(stored) {
                let _ = step.done.send(Ok(stored));
            }
            None
        }
        Err(error) if is_unavailable(&error) => {
            tracing::warn!(%error, "steps of jobs are not stored yet");
            Some(batch)
        }
        // Which of them the database refuses is found one by one.
        Err(error) => {
            let mut error = Some(error);
            let is_one = batch.len() == 1;
            let mut again = Vec::new();
            for step in batch {
                let result = match error.take().filter(|_| is_one) {
                    Some(error) => Err(error),
                    None => put(session, std::slice::from_ref(&step))
                        .await
                        .map(|stored| stored.first().copied().unwrap_or_default()),
                };
                match result {
                    Err(error) if is_unavailable(&error) => again.push(step),
                    result => _ = step.done.send(result),
                }
            }
            (!again.is_empty()).then_some(again)
        }
    }
}

async fn put(session: &Session, steps: &[StepWrite]) -> Result<Vec<bool>, JobError> {
    let rows: Vec<StepRow> = steps.iter().map(|step| step.row.clone()).collect();
    session
        .transaction_with_retries(async |tx| store::put_steps(tx, &rows).await)
        .await
}

/// Whether the same may be stored a moment later.
fn is_unavailable(error: &JobError) -> bool {
    matches!(error, JobError::Database(error)
        if error.is_temporary() || error.is_lock_timeout() || error.is_storage_full() || error.is_read_only())
}
