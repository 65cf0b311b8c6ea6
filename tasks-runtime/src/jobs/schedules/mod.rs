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
use self::recurrence::Recurrence;
use self::row::{Row, find, tasks_schedules};
pub(super) use self::tick::tick;
use super::error::JobError;
use super::scheduler::Scheduler;
use crate::with_conn;

/// 1 to 64 letters, digits, `_` and `-`.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

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
            .transaction(async |tx| {
                let mut row = find(tx, name)
                    .await?
                    .ok_or_else(|| JobError::NoSchedule(name.to_owned()))?;
                if row.paused != 0 && !paused {
                    let now = self.clock().now();
                    let next = row.next_run_at.filter(|next| *next > now);
                    row.next_run_at = match row.recurrence() {
                        // One that passed in the meantime is over.
                        Some(Recurrence::Once(_)) | None => next,
                        // What is to come stays when it was.
                        Some(recurrence) => next.or_else(|| recurrence.next(now, row.next_run_at)),
                    };
                }
                row.paused = i32::from(paused);
                with_conn!(tx, |conn| {
                    diesel::update(tasks_schedules::table.find(name))
                        .set((
                            tasks_schedules::paused.eq(row.paused),
                            tasks_schedules::next_run_at.eq(row.next_run_at),
                        ))
                        .execute(conn)
                        .await
                })?;
                Ok(row)
            })
            .await;
        let record = row?.record(self);
        self.wake();
        Ok(record)
    }

    /// Forgets a schedule; its jobs stay. `false` when it is not there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn unschedule(&self, name: &str) -> Result<bool, JobError> {
        let deleted: Result<usize, JobError> = self
            .session()
            .transaction(async |tx| {
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
