//! Schedules: jobs that are submitted when their time comes, again and again.

use std::future::IntoFuture;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use schemars::JsonSchema;
use serde::Serialize;
use ulid::Ulid;

use super::error::JobError;
use super::record::{optional_time, optional_ulid, time};
use super::recurrence::Recurrence;
use super::scheduler::Scheduler;
use super::store;
use super::submit::{Checked, check_description, storable};
use super::table::{NewRow, now, state};
use crate::artifacts::JsonText;
use crate::database::{Backend, Connection, statement};
use crate::registry::TaskRegistry;
use crate::task::JobPolicy;
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
    }
}

/// How many of the next runs a record shows.
const SHOWN: usize = 5;
/// How many schedules run in one round.
const AT_ONCE: i64 = 100;

/// What is known of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ScheduleRecord {
    /// Its name.
    pub name: String,
    /// The task that it submits.
    pub task_name: String,
    /// The parameters, secret ones masked.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub params: JsonText,
    /// What somebody wrote about it.
    pub description: Option<String>,
    /// Its pattern of cron, if it has one.
    pub cron: Option<String>,
    /// The time zone of the pattern.
    pub timezone: String,
    /// How many seconds are between two runs, if it is one with an interval.
    pub interval: Option<u64>,
    /// Whether it runs at the moment.
    pub paused: bool,
    /// When it was made.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: DateTime<Utc>,
    /// The time of the latest run.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_run_at: Option<DateTime<Utc>>,
    /// The job of the latest run.
    #[serde(serialize_with = "optional_ulid")]
    #[schemars(with = "Option<String>")]
    pub last_job_id: Option<Ulid>,
    /// The next runs; none while it is paused, or when it is over.
    #[schemars(with = "Vec<String>")]
    pub next_runs: Vec<DateTime<Utc>>,
}

#[derive(Clone, Debug, Insertable, Queryable, Selectable)]
#[diesel(table_name = tasks_schedules)]
struct Row {
    name: String,
    task_name: String,
    params: String,
    description: Option<String>,
    cron: Option<String>,
    timezone: String,
    interval_us: Option<i64>,
    once_at: Option<i64>,
    paused: i32,
    created_at: i64,
    next_run_at: Option<i64>,
    last_run_at: Option<i64>,
    last_job_id: Option<String>,
}

impl Row {
    fn recurrence(&self) -> Option<Recurrence> {
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

    fn record(self, scheduler: &Scheduler) -> ScheduleRecord {
        let time = |micros: i64| DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
        let first = self.next_run_at.filter(|_| self.paused == 0);
        let recurrence = self.recurrence();
        ScheduleRecord {
            params: scheduler.masked(&self.task_name, self.params),
            next_runs: recurrence.map_or_else(Vec::new, |when| when.upcoming(first, SHOWN)),
            name: self.name,
            task_name: self.task_name,
            description: self.description,
            cron: self.cron,
            timezone: self.timezone,
            interval: self
                .interval_us
                .map(|micros| micros.unsigned_abs() / 1_000_000),
            paused: self.paused != 0,
            created_at: time(self.created_at),
            last_run_at: self.last_run_at.map(time),
            last_job_id: self.last_job_id.and_then(|id| Ulid::from_string(&id).ok()),
        }
    }
}

/// A schedule that is about to be stored: say when it runs, and `.await` it.
#[must_use = "nothing is stored before it is awaited"]
#[derive(Debug)]
pub struct Schedule {
    scheduler: Scheduler,
    name: String,
    call: Result<Checked, JobError>,
    description: Option<String>,
    when: Option<When>,
    timezone: String,
}

#[derive(Debug)]
enum When {
    Cron(String),
    Every(Duration),
    Once(SystemTime),
}

impl Schedule {
    pub(super) fn new(scheduler: Scheduler, name: String, call: Result<Checked, JobError>) -> Self {
        Self {
            scheduler,
            name,
            call,
            description: None,
            when: None,
            timezone: "UTC".to_owned(),
        }
    }

    /// By a pattern of cron: minute, hour, day of the month, month, day of the week; with a sixth field before them for seconds.
    /// `@daily` and the like are patterns, too.
    ///
    /// Of a local time that is left out in spring, the run is when the gap ends; of one that comes twice in autumn, there is one
    /// run.
    pub fn cron(mut self, pattern: impl Into<String>) -> Self {
        self.when = Some(When::Cron(pattern.into()));
        self
    }

    /// The time zone of the pattern, by its name in the IANA database: `Europe/Berlin`. UTC unless set.
    pub fn timezone(mut self, name: impl Into<String>) -> Self {
        self.timezone = name.into();
        self
    }

    /// With so much time between two runs, a second at least.
    pub fn every(mut self, interval: Duration) -> Self {
        self.when = Some(When::Every(interval));
        self
    }

    /// Once, at a time.
    pub fn once(mut self, at: SystemTime) -> Self {
        self.when = Some(When::Once(at));
        self
    }

    /// What it is about.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    async fn store(self) -> Result<ScheduleRecord, JobError> {
        let wrong = |pointer, reason: &str| JobError::Option {
            pointer,
            reason: reason.to_owned(),
        };
        if !is_name(&self.name) {
            return Err(wrong(
                "/name",
                "is not 1 to 64 letters, digits, `_` and `-`",
            ));
        }
        let call = self.call?;
        if let Some(text) = &self.description {
            check_description(text)?;
        }
        let recurrence = match self.when {
            Some(When::Cron(pattern)) => Recurrence::cron(&pattern, &self.timezone)?,
            Some(When::Every(interval)) => Recurrence::every(interval)?,
            Some(When::Once(at)) => Recurrence::Once(DateTime::<Utc>::from(at).timestamp_micros()),
            None => {
                return Err(wrong(
                    "/cron",
                    "or an interval, or a time is needed: when is it to run?",
                ));
            }
        };
        let now = now();
        let (cron, timezone, interval_us, once_at) = recurrence.columns();
        let new = Row {
            name: self.name,
            task_name: call.task,
            params: call.params,
            description: self.description.as_deref().map(storable),
            cron: cron.map(str::to_owned),
            timezone: timezone.to_owned(),
            interval_us,
            once_at,
            paused: 0,
            created_at: now,
            next_run_at: recurrence.next(now, None),
            last_run_at: None,
            last_job_id: None,
        };
        let stored: Result<Row, JobError> = self
            .scheduler
            .session()
            .transaction(async |tx| upsert(tx, new.clone()).await)
            .await;
        let record = stored?.record(&self.scheduler);
        self.scheduler.wake();
        Ok(record)
    }
}

impl IntoFuture for Schedule {
    type Output = Result<ScheduleRecord, JobError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.store())
    }
}

/// 1 to 64 letters, digits, `_` and `-`.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Stores a schedule, or changes the one of that name. One that stays as it is keeps its time, and its pause.
async fn upsert(conn: &mut Connection, new: Row) -> Result<Row, JobError> {
    let Some(known) = find(conn, &new.name).await? else {
        let inserted = with_conn!(conn, |conn| {
            diesel::insert_into(tasks_schedules::table)
                .values(&new)
                .on_conflict_do_nothing()
                .execute(conn)
                .await
        })?;
        if inserted == 1 {
            return Ok(new);
        }
        // Another process was faster.
        return find(conn, &new.name)
            .await?
            .ok_or_else(|| JobError::NoSchedule(new.name.clone()));
    };
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
    let changed = Row {
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
            ))
            .execute(conn)
            .await
    })?;
    Ok(changed)
}

async fn find(conn: &mut Connection, name: &str) -> Result<Option<Row>, JobError> {
    if !is_name(name) {
        return Ok(None);
    }
    Ok(with_conn!(conn, |conn| {
        tasks_schedules::table
            .find(name)
            .select(Row::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// Submits the jobs of schedules whose time has come, in the transaction that moves them on: each time once, however many
/// processes there are. Gives the time of the next one.
pub(super) async fn tick(
    conn: &mut Connection,
    registry: &TaskRegistry,
    now: i64,
) -> Result<Option<i64>, JobError> {
    #[derive(QueryableByName)]
    struct Due {
        #[diesel(sql_type = Text)]
        name: String,
    }
    #[derive(QueryableByName)]
    struct Next {
        #[diesel(sql_type = diesel::sql_types::Nullable<BigInt>)]
        at: Option<i64>,
    }
    let lock = match conn.backend() {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let sql = format!(
        "SELECT name FROM tasks_schedules WHERE paused = 0 AND next_run_at IS NOT NULL AND next_run_at <= $1 \
         ORDER BY next_run_at LIMIT $2{lock}"
    );
    let due: Vec<Due> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<BigInt, _>(AT_ONCE)
            .load(conn)
            .await
    })?;
    for Due { name } in due {
        let Some(row) = find(conn, &name).await? else {
            continue;
        };
        // A process that does not know the task leaves it to one that does.
        let Ok(task) = registry.get(&row.task_name) else {
            continue;
        };
        run(conn, &row, task.policy(), now).await?;
    }
    let next: Next = with_conn!(conn, |conn| {
        statement(
            "SELECT MIN(next_run_at) AS at FROM tasks_schedules WHERE paused = 0 AND next_run_at > $1",
        )
        .bind::<BigInt, _>(now)
        .get_result(conn)
        .await
    })?;
    Ok(next.at)
}

/// One run: however many were missed, this makes up for them.
async fn run(
    conn: &mut Connection,
    schedule: &Row,
    policy: JobPolicy,
    now: i64,
) -> Result<(), JobError> {
    let Some(due) = schedule.next_run_at else {
        return Ok(());
    };
    let id = Ulid::new();
    let attempts = policy.retries.saturating_add(1);
    let job = NewRow {
        id: id.to_string(),
        task_name: Some(schedule.task_name.clone()),
        description: schedule.description.clone(),
        queue: policy.queue.unwrap_or(super::DEFAULT_QUEUE).to_owned(),
        state: state::READY,
        priority: policy.priority,
        run_at: now,
        submitted_at: now,
        scheduled_at: Some(due),
        attempt: 0,
        max_attempts: i32::try_from(attempts).unwrap_or(i32::MAX),
        crashes: 0,
        fence: 0,
        worker: None,
        started_at: None,
        timeout_ms: None,
        idempotency_key: Some(format!("schedule:{}:{due}", schedule.name)),
        unique_key: None,
        params: schedule.params.clone(),
    };
    let stored = store::insert(conn, vec![job]).await?;
    let next = schedule
        .recurrence()
        .and_then(|recurrence| recurrence.next(now, Some(due)));
    with_conn!(conn, |conn| {
        diesel::update(tasks_schedules::table.find(&schedule.name))
            .set((
                tasks_schedules::next_run_at.eq(next),
                tasks_schedules::last_run_at.eq(Some(now)),
            ))
            .execute(conn)
            .await
    })?;
    if stored == 1 {
        with_conn!(conn, |conn| {
            diesel::update(tasks_schedules::table.find(&schedule.name))
                .set(tasks_schedules::last_job_id.eq(Some(id.to_string())))
                .execute(conn)
                .await
        })?;
    }
    Ok(())
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
                    let last = row.next_run_at;
                    let recurrence = row.recurrence();
                    row.next_run_at = match recurrence {
                        // One that passed in the meantime is over.
                        Some(Recurrence::Once(_)) => last,
                        Some(recurrence) => recurrence.next(now(), last),
                        None => None,
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
