//! The states of a job as they are stored, which are finer than those of a record, and how SQL asks for them.
//!
//! The numbers of states, and what makes a job quarantined, stand in this file only, and in the migrations.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Integer;

use super::record::JobStatus;

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Integer)]
pub(in crate::jobs) enum JobState {
    /// Pending, until its time comes.
    Scheduled,
    /// Pending, until a worker claims it.
    Ready,
    Running,
    Completed,
    Failed,
    Canceled,
}

impl JobState {
    /// The status of a record whose job is in this state.
    pub(in crate::jobs) fn status(self) -> JobStatus {
        match self {
            Self::Scheduled | Self::Ready => JobStatus::Pending,
            Self::Running => JobStatus::Running,
            Self::Completed => JobStatus::Completed,
            Self::Failed => JobStatus::Failed,
            Self::Canceled => JobStatus::Canceled,
        }
    }
}

impl<DB> ToSql<Integer, DB> for JobState
where
    DB: Backend,
    i32: ToSql<Integer, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        match self {
            Self::Scheduled => 0.to_sql(out),
            Self::Ready => 1.to_sql(out),
            Self::Running => 2.to_sql(out),
            Self::Completed => 3.to_sql(out),
            Self::Failed => 4.to_sql(out),
            Self::Canceled => 5.to_sql(out),
        }
    }
}

impl<DB> FromSql<Integer, DB> for JobState
where
    DB: Backend,
    i32: FromSql<Integer, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(match i32::from_sql(value)? {
            0 => Self::Scheduled,
            1 => Self::Ready,
            2 => Self::Running,
            3 => Self::Completed,
            4 => Self::Failed,
            // A number of a later version is taken for an end, too: one record that cannot be read would spoil a whole list.
            _ => Self::Canceled,
        })
    }
}

/// How many crashes a job may have and still run beside others; with more it is quarantined.
const MAX_CRASHES_TOGETHER: i32 = 1;

/// Whether a job is one of few that may have killed their processes: one death says little, and all that ran then go on together.
pub(in crate::jobs) fn is_quarantined(crashes: i32) -> bool {
    crashes > MAX_CRASHES_TOGETHER
}

/// How a job is claimed, as the column `by_name` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum ClaimLine {
    /// With all others of its queue.
    Shared,
    /// By the name of its task: that limits how many of its jobs run at once in a process, or some worker does not have it.
    ByName,
    /// By its task and its key: the task has limits over all processes.
    Limited,
}

impl ClaimLine {
    pub(in crate::jobs) const ALL: [Self; 3] = [Self::Shared, Self::ByName, Self::Limited];

    pub(in crate::jobs) const fn number(self) -> i32 {
        match self {
            Self::Shared => 0,
            Self::ByName => 1,
            Self::Limited => 2,
        }
    }
}

/// States as numbers of SQL, to be set and compared.
pub(in crate::jobs) mod number {
    pub(in crate::jobs) const READY: &str = "1";
    pub(in crate::jobs) const RUNNING: &str = "2";
    pub(in crate::jobs) const FAILED: &str = "4";
    pub(in crate::jobs) const CANCELED: &str = "5";
}

/// Conditions of SQL, each as an index has it. Values that are bound would hide that from the database.
pub(in crate::jobs) mod sql {
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
    /// Completed, failed or canceled.
    pub(in crate::jobs) const ENDED: &str = "tasks_jobs.state > 2";
    /// Failed or canceled: it may be queued again.
    pub(in crate::jobs) const UNSUCCESSFUL: &str = "state IN (4, 5)";
    /// Pending or running.
    pub(in crate::jobs) const OPEN: &str = "state < 3";
    /// Pending: it has not begun, or waits to go on.
    pub(in crate::jobs) const WAITING: &str = "state < 2";
    /// Pending until its time comes.
    pub(in crate::jobs) const SCHEDULED: &str = "state = 0";
    /// Pending until a worker claims it.
    pub(in crate::jobs) const READY: &str = "state = 1";
    /// Ready, and claimed with others of its queue.
    pub(in crate::jobs) const READY_SHARED: &str = "state = 1 AND crashes < 2 AND by_name = 0";
    /// Ready, and claimed by the name of its task.
    pub(in crate::jobs) const READY_BY_NAME: &str = "state = 1 AND crashes < 2 AND by_name = 1";
    /// Ready, and claimed by its task and its key.
    pub(in crate::jobs) const READY_LIMITED: &str = "state = 1 AND crashes < 2 AND by_name = 2";
    /// Ready, run alone, and of a task that has limits over all processes.
    pub(in crate::jobs) const QUARANTINED_LIMITED: &str =
        "state = 1 AND crashes > 1 AND by_name = 2";
    /// Running, and of a task that has limits over all processes.
    pub(in crate::jobs) const RUNNING_LIMITED: &str = "state = 2 AND by_name = 2";
    /// Ready, and not run alone.
    pub(in crate::jobs) const READY_NOT_QUARANTINED: &str = "state = 1 AND crashes < 2";
    /// Ready, and run alone.
    pub(in crate::jobs) const READY_QUARANTINED: &str = "state = 1 AND crashes > 1";
    /// Ready, in each of the lines that workers claim from. Each has an index.
    pub(in crate::jobs) const READY_LINES: [&str; 4] = [
        READY_SHARED,
        READY_BY_NAME,
        READY_LIMITED,
        READY_QUARANTINED,
    ];
    /// Not deleted: a running job that was is there until its code has ended.
    pub(in crate::jobs) const NOT_DELETED: &str = "tasks_jobs.deleted = 0";
    /// Deleted while it ran, and at its end since.
    pub(in crate::jobs) const DELETED_AND_ENDED: &str = "deleted = 1 AND state <> 2";

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
