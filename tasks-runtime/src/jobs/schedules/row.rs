//! The rows of schedules.

use crate::jobs::id::JobId;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::record::ScheduleRecord;
use super::recurrence::Recurrence;
use super::words;
use crate::artifacts::JsonText;
use crate::database::{Connection, ConnectionKind};
use crate::jobs::error::JobError;
use crate::name::is_short_name;
use crate::with_conn;

diesel::table! {
    tasks_schedules (name) {
        name -> Text,
        task_name -> Text,
        params -> Text,
        description -> Nullable<Text>,
        cron -> Nullable<Text>,
        timezone -> Text,
        interval_us -> Nullable<BigInt>,
        once_at -> Nullable<BigInt>,
        paused -> Integer,
        created_at -> BigInt,
        next_run_at -> Nullable<BigInt>,
        last_run_at -> Nullable<BigInt>,
        last_job_id -> Nullable<Text>,
        queue -> Nullable<Text>,
        priority -> Nullable<Integer>,
        max_attempts -> Nullable<Integer>,
        timeout_ms -> Nullable<BigInt>,
        declared_by -> Nullable<Text>,
        declaration -> Nullable<Text>,
    }
}

/// How many of the next runs a record shows.
const NEXT_RUNS: usize = 5;

#[derive(Clone, Debug, Insertable, Queryable, Selectable)]
#[diesel(table_name = tasks_schedules)]
pub(super) struct ScheduleRow {
    pub(super) name: String,
    pub(super) task_name: String,
    pub(super) params: String,
    pub(super) description: Option<String>,
    pub(super) cron: Option<String>,
    pub(super) timezone: String,
    pub(super) interval_us: Option<i64>,
    pub(super) once_at: Option<i64>,
    pub(super) paused: i32,
    pub(super) created_at: i64,
    pub(super) next_run_at: Option<i64>,
    pub(super) last_run_at: Option<i64>,
    pub(super) last_job_id: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) priority: Option<i32>,
    pub(super) max_attempts: Option<i32>,
    pub(super) timeout_ms: Option<i64>,
    /// The id of the service whose code declares it; none if it was made by hand.
    pub(super) declared_by: Option<String>,
    /// The declaration that says how it is.
    pub(super) declaration: Option<String>,
}

impl ScheduleRow {
    pub(super) fn recurrence(&self) -> Option<Recurrence> {
        match (&self.cron, self.interval_us, self.once_at) {
            (Some(pattern), ..) => Some(Recurrence::Cron {
                pattern: pattern.clone(),
                timezone: self.timezone.parse().ok()?,
            }),
            (None, Some(micros), _) => Some(Recurrence::Every(micros)),
            (None, None, Some(at)) => Some(Recurrence::Once(at)),
            _ => None,
        }
    }

    /// The record; `mask` hides what is secret in the parameters, and gives none of a task that it does not know.
    pub(super) fn record(
        self,
        mask: impl FnOnce(&str, String) -> Option<JsonText>,
    ) -> ScheduleRecord {
        let time = |micros: i64| DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
        let first = self.next_run_at.filter(|_| self.paused == 0);
        let recurrence = self.recurrence();
        let params = mask(&self.task_name, self.params);
        ScheduleRecord {
            truncated: match params {
                Some(_) => Vec::new(),
                None => vec!["params"],
            },
            params: params.unwrap_or_else(|| JsonText::trusted("{}".to_owned())),
            recurrence: recurrence.as_ref().and_then(words::describe),
            next_runs: recurrence.map_or_else(Vec::new, |when| when.upcoming(first, NEXT_RUNS)),
            name: self.name,
            task_name: self.task_name,
            description: self.description,
            cron: self.cron,
            timezone: self.timezone,
            interval: self
                .interval_us
                .map(|micros| micros.unsigned_abs() / 1_000_000),
            run_at: self.once_at.map(time),
            queue: self.queue,
            priority: self.priority,
            max_attempts: self.max_attempts.map(i32::unsigned_abs),
            timeout: self
                .timeout_ms
                .map(|milliseconds| milliseconds.unsigned_abs() as f64 / 1000.0),
            declared_by: self.declared_by,
            paused: self.paused != 0,
            created_at: time(self.created_at),
            last_run_at: self.last_run_at.map(time),
            last_job_id: self.last_job_id.and_then(|id| id.parse::<JobId>().ok()),
            pending_reason: None,
        }
    }
}

/// A row that was stored, and whether there was none of its name before.
pub(super) struct UpsertedSchedule {
    pub(super) row: ScheduleRow,
    pub(super) created: bool,
}

/// Stores a schedule, or changes the one of that name. One that stays as it is keeps its time, and its pause.
pub(super) async fn upsert(
    conn: &mut Connection,
    new: ScheduleRow,
) -> Result<UpsertedSchedule, JobError> {
    /// Others may delete it between two looks.
    const MAX_TRIES: usize = 10;
    let mut known = None;
    for _ in 0..MAX_TRIES {
        lock(conn, &new.name).await?;
        known = find(conn, &new.name).await?;
        if known.is_some() {
            break;
        }
        let inserted = with_conn!(conn, |conn| {
            diesel::insert_into(tasks_schedules::table)
                .values(&new)
                .on_conflict_do_nothing()
                .execute(conn)
                .await
        })?;
        if inserted == 1 {
            return Ok(UpsertedSchedule {
                row: new,
                created: true,
            });
        }
        // Another process was faster: this one changes what that has made.
    }
    let known = known.ok_or_else(|| JobError::ScheduleNotFound(new.name.clone()))?;
    let same_times = (
        &known.cron,
        &known.timezone,
        known.interval_us,
        known.once_at,
    ) == (&new.cron, &new.timezone, new.interval_us, new.once_at);
    let next = if same_times {
        known.next_run_at
    } else {
        new.next_run_at
    };
    let changed = ScheduleRow {
        // What somebody changes by hand is still that of the code: it is as the code has it again after the next start.
        declared_by: new.declared_by.clone().or(known.declared_by),
        declaration: new.declaration.clone().or(known.declaration),
        paused: known.paused,
        created_at: known.created_at,
        next_run_at: next,
        last_run_at: known.last_run_at,
        last_job_id: known.last_job_id.clone(),
        ..new
    };
    with_conn!(conn, |conn| {
        diesel::update(tasks_schedules::table.find(&changed.name))
            .set((
                tasks_schedules::task_name.eq(&changed.task_name),
                tasks_schedules::params.eq(&changed.params),
                tasks_schedules::description.eq(&changed.description),
                tasks_schedules::cron.eq(&changed.cron),
                tasks_schedules::timezone.eq(&changed.timezone),
                tasks_schedules::interval_us.eq(changed.interval_us),
                tasks_schedules::once_at.eq(changed.once_at),
                tasks_schedules::next_run_at.eq(changed.next_run_at),
                tasks_schedules::queue.eq(&changed.queue),
                tasks_schedules::priority.eq(changed.priority),
                tasks_schedules::max_attempts.eq(changed.max_attempts),
                tasks_schedules::timeout_ms.eq(changed.timeout_ms),
                tasks_schedules::declared_by.eq(&changed.declared_by),
                tasks_schedules::declaration.eq(&changed.declaration),
            ))
            .execute(conn)
            .await
    })?;
    Ok(UpsertedSchedule {
        row: changed,
        created: false,
    })
}

/// Keeps a schedule as it is until the transaction ends: its time may come meanwhile. A transaction of SQLite is alone anyway.
async fn lock(conn: &mut Connection, name: &str) -> Result<(), JobError> {
    if !is_short_name(name) {
        return Ok(());
    }
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(_) => {}
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            tasks_schedules::table
                .find(name)
                .select(tasks_schedules::name)
                .for_update()
                .first::<String>(conn)
                .await
                .optional()?;
        }
    }
    Ok(())
}

pub(super) async fn find(
    conn: &mut Connection,
    name: &str,
) -> Result<Option<ScheduleRow>, JobError> {
    if !is_short_name(name) {
        return Ok(None);
    }
    Ok(with_conn!(conn, |conn| {
        tasks_schedules::table
            .find(name)
            .select(ScheduleRow::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// Lets a schedule rest, or go on.
pub(super) async fn set_paused(
    conn: &mut Connection,
    name: &str,
    paused: bool,
    now: i64,
) -> Result<ScheduleRow, JobError> {
    lock(conn, name).await?;
    let mut row = find(conn, name)
        .await?
        .ok_or_else(|| JobError::ScheduleNotFound(name.to_owned()))?;
    if row.paused != 0 && !paused {
        let next = row.next_run_at.filter(|next| *next > now);
        row.next_run_at = match row.recurrence() {
            // One that passed in the meantime is over.
            Some(Recurrence::Once(_)) | None => next,
            // What is to come stays when it was, unless a clock was ahead then.
            Some(recurrence) => recurrence
                .earlier(now, next)
                .or(next)
                .or_else(|| recurrence.next(now, row.next_run_at)),
        };
    }
    row.paused = i32::from(paused);
    with_conn!(conn, |conn| {
        diesel::update(tasks_schedules::table.find(name))
            .set((
                tasks_schedules::paused.eq(row.paused),
                tasks_schedules::next_run_at.eq(row.next_run_at),
            ))
            .execute(conn)
            .await
    })?;
    Ok(row)
}
