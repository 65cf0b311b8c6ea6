//! Schedules: jobs that are submitted when their time comes, again and again.

mod builder;
mod cron;
mod record;
mod recurrence;
mod row;
mod tick;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

pub use self::builder::Schedule;
pub use self::record::ScheduleRecord;
use self::row::{Row, find, set_paused, tasks_schedules, upsert};
pub(super) use self::tick::tick;
use super::error::JobError;
use super::record::JobRecord;
use super::scheduler::Scheduler;
use super::submit::storable;
use super::table::{NewRow, Row as JobRow};
use crate::with_conn;

/// Schedules.
impl Scheduler {
    /// The schedule of a name.
    ///
    /// # Errors
    ///
    /// [`JobError::NoSchedule`], and when the database fails.
    pub async fn schedule_of(&self, name: &str) -> Result<ScheduleRecord, JobError> {
        let row = self
            .session()
            .read(async |conn| find(conn, name).await)
            .await?;
        let row = row.ok_or_else(|| JobError::NoSchedule(name.to_owned()))?;
        Ok(row.record(self))
    }

    /// All schedules, by name.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn schedules(&self) -> Result<Vec<ScheduleRecord>, JobError> {
        let rows: Result<Vec<Row>, JobError> = self
            .session()
            .read(async |conn| {
                Ok(with_conn!(conn, |conn| {
                    tasks_schedules::table
                        .order(tasks_schedules::name)
                        .select(Row::as_select())
                        .load(conn)
                        .await
                })?)
            })
            .await;
        Ok(rows?.into_iter().map(|row| row.record(self)).collect())
    }

    /// Lets a schedule rest. Its times pass without a run.
    ///
    /// # Errors
    ///
    /// [`JobError::NoSchedule`], and when the database fails.
    pub async fn pause(&self, name: &str) -> Result<ScheduleRecord, JobError> {
        self.set_paused(name, true).await
    }

    /// Lets a schedule go on, with its next time.
    ///
    /// # Errors
    ///
    /// [`JobError::NoSchedule`], and when the database fails.
    pub async fn resume(&self, name: &str) -> Result<ScheduleRecord, JobError> {
        self.set_paused(name, false).await
    }

    async fn set_paused(&self, name: &str, paused: bool) -> Result<ScheduleRecord, JobError> {
        let row: Result<Row, JobError> = self
            .session()
            .retry_transaction(async |tx| set_paused(tx, name, paused, self.clock().now()).await)
            .await;
        let record = row?.record(self);
        self.wake();
        Ok(record)
    }

    /// Runs a schedule now, beside its times, which stay as they are; one that is paused runs, too.
    ///
    /// # Errors
    ///
    /// [`JobError::NoSchedule`], [`JobError::Call`] when this process does not have its task, and when the database fails.
    pub async fn run_schedule(&self, name: &str) -> Result<JobRecord, JobError> {
        self.refresh_clock().await?;
        let executor = self.executor()?;
        let (registry, params) = (executor.registry(), self.params_store());
        let stored: Result<(NewRow, JobRow), JobError> = self
            .session()
            .retry_transaction(async |tx| {
                let schedule = find(tx, name)
                    .await?
                    .ok_or_else(|| JobError::NoSchedule(name.to_owned()))?;
                let task = registry.get(&schedule.task_name)?;
                let now = self.clock().now();
                let new = tick::job(&schedule, task, params, now);
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
        self.submitted(&[new]);
        self.wake();
        Ok(self.record(stored))
    }

    /// Stores all schedules that the code of a service declares, and removes those that it declared before and does not any more. Those
    /// that were made by hand, and those of other services that share the database, stay. `owner` is the id of the service.
    ///
    /// All of them are stored or, after an error, none.
    ///
    /// ```
    /// use tasks_runtime::jobs::{Jobs, Scheduler};
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// async fn report(kind: String) -> String {
    ///     format!("the {kind} report")
    /// }
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let database = Database::sqlite_in_memory().connect().await?;
    /// let scheduler = Scheduler::new(&database, Jobs::new());
    /// let executor = tasks_runtime::testing::executor([task(report)]).provide(scheduler.clone()).build()?;
    /// scheduler.attach(&executor);
    /// let nightly = scheduler.schedule("nightly", call!(report, kind = "nightly")).cron("30 2 * * *");
    /// let weekly = scheduler.schedule("weekly", call!(report, kind = "weekly")).cron("0 3 * * MON");
    /// scheduler.declare_schedules("reports", [nightly, weekly]).await?;
    ///
    /// // The next version of the program has one of them.
    /// let nightly = scheduler.schedule("nightly", call!(report, kind = "nightly")).cron("30 2 * * *");
    /// scheduler.declare_schedules("reports", [nightly]).await?;
    /// assert_eq!(scheduler.schedules().await?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`JobError::Schedule`] for one that cannot be, or is there twice, and when the database fails.
    pub async fn declare_schedules(
        &self,
        owner: &str,
        schedules: impl IntoIterator<Item = Schedule>,
    ) -> Result<Vec<ScheduleRecord>, JobError> {
        self.refresh_clock().await?;
        let owner = storable(owner);
        let mut rows: Vec<Row> = Vec::new();
        for schedule in schedules {
            let name = schedule.name().to_owned();
            let wrong = |source: JobError| JobError::Schedule {
                name: name.clone(),
                source: Box::new(source),
            };
            let (row, _) = schedule.row().map_err(wrong)?;
            if rows.iter().any(|other| other.name == name) {
                return Err(wrong(JobError::option("/name", "is declared twice")));
            }
            rows.push(Row {
                declared_by: Some(owner.clone()),
                ..row
            });
        }
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        let stored: Result<(Vec<Row>, Vec<String>), JobError> = self
            .session()
            .retry_transaction(async |tx| {
                let mut stored = Vec::new();
                for row in &rows {
                    stored.push(upsert(tx, row.clone()).await?);
                }
                let removed = with_conn!(tx, |conn| {
                    diesel::delete(
                        tasks_schedules::table
                            .filter(tasks_schedules::declared_by.eq(&owner))
                            .filter(tasks_schedules::name.ne_all(&names)),
                    )
                    .returning(tasks_schedules::name)
                    .get_results(conn)
                    .await
                })?;
                Ok((stored, removed))
            })
            .await;
        let (stored, removed) = stored?;
        for schedule in removed {
            tracing::warn!(
                schedule,
                service = owner,
                "a schedule was removed: the code of this process does not declare it"
            );
        }
        self.wake();
        Ok(stored.into_iter().map(|row| row.record(self)).collect())
    }

    /// Forgets a schedule; its jobs stay. `false` when it is not there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn unschedule(&self, name: &str) -> Result<bool, JobError> {
        let deleted: Result<usize, JobError> = self
            .session()
            .retry_transaction(async |tx| {
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
