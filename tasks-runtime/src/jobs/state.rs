//! The states of a row, which are finer than those of a record, and how SQL asks for them.

use super::record::JobStatus;

/// Pending, for its time to come.
pub(super) const WAITING: i32 = 0;
/// Pending, for a worker.
pub(super) const READY: i32 = 1;
pub(super) const RUNNING: i32 = 2;
pub(super) const COMPLETED: i32 = 3;
pub(super) const FAILED: i32 = 4;
pub(super) const CANCELED: i32 = 5;
/// The status of a record whose row is in this state.
pub(super) fn status(state: i32) -> JobStatus {
    match state {
        WAITING | READY => JobStatus::Pending,
        RUNNING => JobStatus::Running,
        COMPLETED => JobStatus::Completed,
        FAILED => JobStatus::Failed,
        _ => JobStatus::Canceled,
    }
}

/// Conditions of SQL, each as an index has it. Values that are bound would hide that from the database.
pub(super) mod sql {
    use crate::jobs::record::JobStatus;

    macro_rules! status {
        ($state:literal) => {
            concat!(
                "tasks_jobs.state <> 3 AND CASE tasks_jobs.state WHEN 0 THEN 1 ELSE tasks_jobs.state END = ",
                $state
            )
        };
    }

    pub(in crate::jobs) const PENDING: &str = status!(1);
    pub(in crate::jobs) const RUNNING: &str = status!(2);
    pub(in crate::jobs) const COMPLETED: &str = "tasks_jobs.state = 3";
    pub(in crate::jobs) const FAILED: &str = status!(4);
    pub(in crate::jobs) const CANCELED: &str = status!(5);
    /// Not deleted: a running job that was is there until its code has ended.
    pub(in crate::jobs) const KEPT: &str = "tasks_jobs.deleted = 0";
    /// Completed, failed or canceled.
    pub(in crate::jobs) const ENDED: &str = "tasks_jobs.state > 2";

    pub(in crate::jobs) fn status(status: JobStatus) -> &'static str {
        match status {
            JobStatus::Pending => PENDING,
            JobStatus::Running => RUNNING,
            JobStatus::Completed => COMPLETED,
            JobStatus::Failed => FAILED,
            JobStatus::Canceled => CANCELED,
        }
    }
}
