//! How long writes apart from the rounds may take.

use std::time::Duration;

use super::membership::MAX_LOCK_WAIT;
use crate::database::{Connection, ConnectionKind};
use crate::jobs::error::JobError;

/// The slowest link that large values are written and read over, in bytes a second.
const SLOWEST_LINK: usize = 64 * 1024;

/// How much longer than usual so many bytes may take.
pub(super) fn extra_time(bytes: usize) -> Duration {
    Duration::from_secs((bytes / SLOWEST_LINK) as u64)
}

/// A row that another transaction has locked is waited for as a round waits.
pub(super) async fn limit_lock_wait(conn: &mut Connection) -> Result<(), JobError> {
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(_) => {
            let _ = MAX_LOCK_WAIT;
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(_) => {
            let wait = MAX_LOCK_WAIT.as_millis();
            conn.batch(&format!("SET LOCAL lock_timeout = {wait}"))
                .await?;
        }
    }
    Ok(())
}
