//! What failed, in groups.

use chrono::{DateTime, Utc};

use super::Scheduler;
use crate::jobs::error::JobError;
use crate::jobs::failures::{JobFailures, group};
use crate::jobs::store;

/// Since when failures are counted if that is not said, in microseconds.
const USUAL_SPAN: i64 = 24 * 3600 * 1_000_000;

impl Scheduler {
    /// Attempts that failed, or whose process died, since a time, or in the last 24 hours: grouped by task and by the type, the code and the location
    /// of the error. Attempts that another one follows are among them, and jobs that are kept only. With `tasks`, those of these tasks.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn failures(
        &self,
        from: Option<DateTime<Utc>>,
        tasks: Option<&[String]>,
    ) -> Result<JobFailures, JobError> {
        self.refresh_clock().await?;
        let usual = self.clock().now().saturating_sub(USUAL_SPAN);
        let from = from.map_or(usual, |at| at.timestamp_micros());
        // PostgreSQL has no text with a zero byte, and there is no such task.
        let tasks: Option<Vec<String>> = tasks.map(|names| {
            let names = names.iter().filter(|name| !name.contains('\0'));
            names.cloned().collect()
        });
        let tasks = tasks.as_deref();
        let time = |micros| DateTime::from_timestamp_micros(micros).unwrap_or_default();
        self.session()
            .read(async |conn| {
                let (rows, all_since) = store::failures(conn, from, tasks).await?;
                let (found, left_out) = group(rows);
                let mut groups = Vec::with_capacity(found.len());
                for group in found {
                    let error = store::failure_message(conn, &group.latest).await?;
                    groups.push(group.record(error.unwrap_or_default()));
                }
                Ok::<_, JobError>(JobFailures {
                    from: time(all_since.unwrap_or(from)),
                    groups,
                    left_out,
                })
            })
            .await
    }
}
