//! Why schedules whose time has come submit nothing.

use super::overdue::{OVERDUE_AFTER, OverdueSchedules, overdue};
use super::record::ScheduleRecord;
use crate::jobs::error::JobError;
use crate::jobs::scheduler::Scheduler;

impl Scheduler {
    /// Says of schedules whose time has come that no worker has their task, if that is so.
    pub(super) async fn with_pending_reasons(
        &self,
        mut records: Vec<ScheduleRecord>,
    ) -> Result<Vec<ScheduleRecord>, JobError> {
        let now = self.clock().now();
        let is_due = |record: &ScheduleRecord| {
            let [next, ..] = record.next_runs.as_slice() else {
                return false;
            };
            next.timestamp_micros() < now.saturating_sub(OVERDUE_AFTER)
        };
        if !records.iter().any(is_due) {
            return Ok(records);
        }
        let overdue: Result<OverdueSchedules, JobError> = self
            .session()
            .read(async |conn| overdue(conn, now).await)
            .await;
        let overdue = overdue?;
        for record in records.iter_mut().filter(|record| is_due(record)) {
            if overdue.contains_key(&record.task_name) {
                record.pending_reason = Some(format!(
                    "no worker has the task `{}`: start a worker that has it, or delete or pause the schedule",
                    record.task_name
                ));
            }
        }
        Ok(records)
    }
}
