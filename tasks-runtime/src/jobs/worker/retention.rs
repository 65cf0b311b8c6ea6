//! Forgets jobs that ended long ago.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::jobs::error::JobError;
use crate::jobs::store;
use crate::jobs::table::now;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// How many at once: others want to write, too.
const AT_ONCE: i64 = 500;
/// How long others may write before more go.
const PAUSE: Duration = Duration::from_millis(20);

/// Goes on until the process is to end, beside the rounds of the driver.
pub(in crate::jobs) async fn run(shared: Arc<Shared>, retention: Duration) {
    // A process that starts often forgets, too.
    let mut pause = retention.min(EVERY).max(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let before = now() - i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
        let expired: Result<usize, JobError> = shared
            .session
            .transaction(async |tx| store::expire(tx, before, AT_ONCE).await)
            .await;
        pause = match expired {
            Ok(count) if count as i64 == AT_ONCE => PAUSE,
            Ok(_) => retention.min(EVERY).max(Duration::from_secs(1)),
            Err(error) => {
                tracing::warn!(%error, "jobs that ended long ago were not forgotten");
                EVERY
            }
        };
    }
}
