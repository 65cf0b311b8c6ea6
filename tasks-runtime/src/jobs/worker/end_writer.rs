//! Ends of attempts that are written apart from the rounds, one at a time: large ones, and those of a round that the database refused.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::attempt::Event;
use super::attempt_end::{AttemptEnd, AttemptOutcome, Failure};
use super::finish::finish;
use super::read_job::state_and_fence;
use super::shared::WorkerShared;
use super::write_limits::{extra_time, limit_lock_wait};
use crate::database::{DatabaseError, Session};
use crate::jobs::attempt_key::Fence;
use crate::jobs::error::JobError;
use crate::jobs::state::JobState;

/// Pause after one that was not written.
const PAUSE: Duration = Duration::from_millis(300);
/// How often a result that is not written while the database answers is tried to be written.
const MAX_TRIES: u32 = 3;
struct Waiting {
    end: AttemptEnd,
    tries: u32,
}

/// Writes what it is sent, and says so. Ends when nobody sends any more.
pub(super) async fn run(shared: Arc<WorkerShared>, mut ends: mpsc::UnboundedReceiver<AttemptEnd>) {
    let mut waiting: Vec<Waiting> = Vec::new();
    loop {
        while let Ok(end) = ends.try_recv() {
            waiting.push(Waiting { end, tries: 0 });
        }
        // Those that have failed wait for all others, and large ones for small ones.
        let next = (0..waiting.len()).min_by_key(|at| {
            let one = &waiting[*at];
            (one.tries, one.end.bytes())
        });
        let Some(next) = next else {
            match ends.recv().await {
                Some(end) => waiting.push(Waiting { end, tries: 0 }),
                None => return,
            }
            continue;
        };
        let mut one = waiting.swap_remove(next);
        match write(&shared, &one.end).await {
            Ok(()) => {
                let _ = shared.outbox.send(Event::Written(one.end.attempt));
            }
            Err(error) => {
                tokio::time::sleep(PAUSE).await;
                match failed(&shared, &mut one, &error).await {
                    Next::Again => waiting.push(one),
                    Next::Over => {
                        let _ = shared.outbox.send(Event::Written(one.end.attempt));
                    }
                }
            }
        }
    }
}

async fn write(shared: &WorkerShared, end: &AttemptEnd) -> Result<(), JobError> {
    let ends = std::slice::from_ref(end);
    shared
        .session
        .transaction_large(extra_time(end.bytes()), async |tx| {
            limit_lock_wait(tx).await?;
            finish(tx, ends, shared.clock.now()).await
        })
        .await
        .map(|written| shared.count_finished(ends, &written))
}

enum Next {
    Again,
    /// There is nothing to be written any more.
    Over,
}

/// What becomes of an end that was not written: one that the database refuses fails its job, with what the database said.
async fn failed(shared: &WorkerShared, one: &mut Waiting, error: &JobError) -> Next {
    let key = one.end.attempt;
    if is_refusal(error) {
        return match found(&shared.session, &one.end).await {
            Ok(Some((JobState::Running, fence))) if fence == key.fence => {
                give_up(one, error);
                Next::Again
            }
            // What was refused had been kept before, or does not count any more.
            Ok(_) => Next::Over,
            Err(_) => Next::Again,
        };
    }
    let is_locked = matches!(error, JobError::Database(error) if error.is_lock_timeout());
    // While the database is away, that says nothing about this end.
    match found(&shared.session, &one.end).await {
        Ok(Some((JobState::Running, fence))) if fence == key.fence => {
            if !is_locked {
                one.tries += 1;
                tracing::debug!(job_id = %key.job, %error, "the end of a job was not written yet");
            }
            if one.tries >= MAX_TRIES {
                give_up(one, error);
            }
            Next::Again
        }
        // It was kept after all, or does not count any more.
        Ok(_) => Next::Over,
        Err(_) => Next::Again,
    }
}

async fn found(session: &Session, end: &AttemptEnd) -> Result<Option<(JobState, Fence)>, JobError> {
    session
        .read(async |conn| state_and_fence(conn, end.attempt.job).await)
        .await
}

/// The job fails, because how its attempt ended cannot be stored.
fn give_up(one: &mut Waiting, error: &JobError) {
    let job_id = one.end.attempt.job;
    if let AttemptOutcome::Completed(result) = &one.end.outcome {
        let failure = Failure::not_stored(result.len(), error);
        let error_code = failure.code.as_deref();
        tracing::error!(%job_id, error_code, error = failure.message, "the result of a job is not stored, so it failed");
        one.end.outcome = AttemptOutcome::Failed(failure);
        one.end.progress = None;
        one.tries = 0;
    } else if one.tries == 0 {
        tracing::error!(%job_id, %error, "how a job ended cannot be stored; this is tried again and again");
        one.tries = 1;
    }
}

/// Whether the database refuses what was to be written, and will again.
pub(super) fn is_refusal(error: &JobError) -> bool {
    let JobError::Database(error) = error else {
        return false;
    };
    matches!(error, DatabaseError::Query(_))
        && !error.is_temporary()
        && !error.is_lock_timeout()
        && !error.is_storage_full()
        && !error.is_read_only()
}
