//! Schedules: jobs that are submitted when their time comes, again and again.

mod builder;
mod cron;
mod cron_pattern;
mod declaration;
mod declaring;
mod not_stored;
mod overdue;
mod pending_reason;
mod record;
mod recurrence;
mod renewal;
mod replan;
mod row;
mod tick;
mod words;

mod declaration_watch;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

pub use self::builder::{Schedule, StoredSchedule};
pub(super) use self::declaration::DeclaredSchedules;
pub(super) use self::not_stored::NotStoredSchedules;
pub(super) use self::overdue::{OverdueSchedules, overdue};
pub use self::record::ScheduleRecord;
pub(super) use self::replan::replan;
use self::row::{ScheduleRow, find, set_paused, tasks_schedules};
pub(super) use self::tick::{ScheduledJob, tick};

use super::error::JobError;
use super::new_job_row::NewJobRow;
use super::options::SubmitOptions;
use super::record::JobRecord;
use super::scheduler::Scheduler;
use super::table::JobRow;
use crate::with_conn;

/// Schedules.
impl Scheduler {
    /// The schedule of a name.
    ///
    /// # Errors
    ///
    /// [`JobError::ScheduleNotFound`], and when the database fails.
    pub async fn get_schedule(&self, name: &str) -> Result<ScheduleRecord, JobError> {
        let row = self
            .session()
            .read(async |conn| find(conn, name).await)
            .await?;
        let row = row.ok_or_else(|| JobError::ScheduleNotFound(name.to_owned()))?;
        let record = row.record(|task, params| self.masked(task, params));
        let record = self.with_pending_reasons(vec![record]).await?.pop();
        record.ok_or_else(|| JobError::ScheduleNotFound(name.to_owned()))
    }

    /// All schedules, by name.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn schedules(&self) -> Result<Vec<ScheduleRecord>, JobError> {
        let rows: Result<Vec<ScheduleRow>, JobError> = self
            .session()
            .read(async |conn| {
                Ok(with_conn!(conn, |conn| {
                    tasks_schedules::table
                        .order(tasks_schedules::name)
                        .select(ScheduleRow::as_select())
                        .load(conn)
                        .await
                })?)
            })
            .await;
        let records = rows?
            .into_iter()
            .map(|row| row.record(|task, params| self.masked(task, params)))
            .collect();
        self.with_pending_reasons(records).await
    }

    /// Lets a schedule rest. Its times pass without a run.
    ///
    /// # Errors
    ///
    /// [`JobError::ScheduleNotFound`], and when the database fails.
    pub async fn pause_schedule(&self, name: &str) -> Result<ScheduleRecord, JobError> {
        self.set_paused(name, true).await
    }

    /// Lets a schedule go on, with its next time.
    ///
    /// # Errors
    ///
    /// [`JobError::ScheduleNotFound`], and when the database fails.
    pub async fn resume_schedule(&self, name: &str) -> Result<ScheduleRecord, JobError> {
        self.set_paused(name, false).await
    }

    async fn set_paused(&self, name: &str, paused: bool) -> Result<ScheduleRecord, JobError> {
        let row: Result<ScheduleRow, JobError> = self
            .session()
            .transaction_with_retries(async |tx| {
                set_paused(tx, name, paused, self.clock().now()).await
            })
            .await;
        let record = row?.record(|task, params| self.masked(task, params));
        self.wake();
        Ok(record)
    }

    /// Runs a schedule now, beside its times, which stay as they are; one that is paused runs, too.
    ///
    /// # Errors
    ///
    /// [`JobError::ScheduleNotFound`], [`JobError::Execute`] when this process does not have its task, and when the database fails.
    pub async fn run_schedule(&self, name: &str) -> Result<JobRecord, JobError> {
        self.run_schedule_for(name, None).await
    }

    /// Runs a schedule now, as [`run_schedule`](Self::run_schedule) does, for somebody, whose name the job has as
    /// [`submitted_by`](JobRecord::submitted_by).
    ///
    /// # Errors
    ///
    /// As `run_schedule`, and [`JobError::Invalid`] when the name is longer than 255 bytes, or has a zero byte.
    pub async fn run_schedule_for(
        &self,
        name: &str,
        submitted_by: Option<&str>,
    ) -> Result<JobRecord, JobError> {
        let mut options = SubmitOptions {
            submitted_by: submitted_by.map(str::to_owned),
            ..SubmitOptions::default()
        };
        options.check(Vec::new).finish(Ok(()))?;
        self.refresh_clock().await?;
        let executor = self.executor()?;
        let (registry, params) = (executor.registry(), self.params_codec());
        let stored: Result<(NewJobRow, JobRow), JobError> = self
            .session()
            .transaction_with_retries(async |tx| {
                let schedule = find(tx, name)
                    .await?
                    .ok_or_else(|| JobError::ScheduleNotFound(name.to_owned()))?;
                let task = registry.get(&schedule.task_name)?;
                let now = self.clock().now();
                let mut new = tick::job(&schedule, task, params, now);
                new.submitted_by.clone_from(&options.submitted_by);
                let stored = self.insert_or_find(tx, &new).await?;
                with_conn!(tx, |conn| {
                    diesel::update(tasks_schedules::table.find(name))
                        .set((
                            tasks_schedules::last_run_at.eq(Some(now)),
                            tasks_schedules::last_job_id.eq(Some(&stored.id)),
                        ))
                        .execute(conn)
                        .await
                })?;
                Ok((new, stored))
            })
            .await;
        let (new, stored) = stored?;
        let stored = self.record(stored);
        self.submitted(&[new], &[stored.id]);
        self.wake();
        Ok(stored)
    }

    /// Forgets a schedule; its jobs stay. `false` when it is not there. One that a process [declares](Self::declare_schedules) is back within a
    /// minute: [pause](Self::pause_schedule) it instead.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn delete_schedule(&self, name: &str) -> Result<bool, JobError> {
        let deleted: Result<usize, JobError> = self
            .session()
            .transaction_with_retries(async |tx| {
                Ok(with_conn!(tx, |conn| {
                    diesel::delete(tasks_schedules::table.find(name))
                        .execute(conn)
                        .await
                })?)
            })
            .await;
        Ok(deleted? == 1)
    }
}
