//! The time of a schedule has come.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::RunQueryDsl;

use super::row::{ScheduleRow, tasks_schedules};
use crate::database::{Connection, ConnectionKind, statement};
use crate::jobs::checked_call::CheckedCall;
use crate::jobs::error::JobError;
use crate::jobs::flow_control;
use crate::jobs::new_job_row::NewJobRow;
use crate::jobs::params_codec::ParamsCodec;
use crate::jobs::store;
use crate::registry::{RegisteredTask, TaskRegistry};
use crate::with_conn;

/// How many schedules run in one round.
const BATCH_SIZE: usize = 100;
/// How many are looked at in one round that have to wait for a canceled job to end: each look is a statement or two.
const MAX_WAITING: usize = 500;
/// How often one is tried to be stored.
const MAX_TRIES: usize = 5;
/// How many that are due it looks at: there may be some of tasks that this process does not know.
const LOOKED_AT: i64 = 10_000;

/// A job that a schedule has submitted.
#[derive(Debug)]
pub(in crate::jobs) struct ScheduledJob {
    pub(in crate::jobs) task: String,
    pub(in crate::jobs) queue: String,
    /// When, in microseconds since 1970.
    pub(in crate::jobs) at: i64,
}

/// What came of the schedules that were due.
#[derive(Debug)]
pub(in crate::jobs) struct Ticked {
    /// When the next schedule is due.
    pub(in crate::jobs) next: Option<i64>,
    /// Jobs that were stored.
    pub(in crate::jobs) submitted: Vec<ScheduledJob>,
}

/// Submits the jobs of schedules whose time has come, in the transaction that moves them on: each time once, however many
/// processes there are. Gives the time of the next one.
pub(in crate::jobs) async fn tick(
    conn: &mut Connection,
    registry: &TaskRegistry,
    params: &ParamsCodec,
    now: i64,
) -> Result<Ticked, JobError> {
    #[derive(QueryableByName)]
    struct Next {
        #[diesel(sql_type = diesel::sql_types::Nullable<BigInt>)]
        at: Option<i64>,
    }
    let due: Vec<(String, String)> = with_conn!(conn, |conn| {
        tasks_schedules::table
            .filter(diesel::dsl::sql::<Bool>("paused = 0"))
            .filter(tasks_schedules::next_run_at.le(now))
            .order(tasks_schedules::next_run_at)
            .limit(LOOKED_AT)
            .select((tasks_schedules::name, tasks_schedules::task_name))
            .load(conn)
            .await
    })?;
    // Those of tasks that this process does not know it leaves to one that does.
    let known = due
        .into_iter()
        .filter_map(|(name, task)| Some((name, registry.get(&task).ok()?)));
    let (mut count, mut waiting) = (0, 0);
    let mut submitted = Vec::new();
    for (name, task) in known {
        if count == BATCH_SIZE || waiting == MAX_WAITING {
            break;
        }
        // Those that have to wait are in nobody's way.
        let moved_on = match take(conn, &name, now).await? {
            Some(row) => run(conn, &row, (task, params), now, &mut submitted).await?,
            None => true,
        };
        count += usize::from(moved_on);
        waiting += usize::from(!moved_on);
    }
    let next: Next = with_conn!(conn, |conn| {
        statement(
            "SELECT MIN(next_run_at) AS at FROM tasks_schedules WHERE paused = 0 AND next_run_at > $1",
        )
        .bind::<BigInt, _>(now)
        .get_result(conn)
        .await
    })?;
    Ok(Ticked {
        next: next.at,
        submitted,
    })
}

/// The schedule, if it is still due, and no other process has it in hand.
async fn take(
    conn: &mut Connection,
    name: &str,
    now: i64,
) -> Result<Option<ScheduleRow>, JobError> {
    macro_rules! due {
        () => {
            tasks_schedules::table
                .filter(tasks_schedules::name.eq(name))
                .filter(tasks_schedules::paused.eq(0))
                .filter(tasks_schedules::next_run_at.le(now))
                .select(ScheduleRow::as_select())
        };
    }
    Ok(match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => due!().first(conn).await.optional()?,
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => due!()
            .for_update()
            .skip_locked()
            .first(conn)
            .await
            .optional()?,
    })
}

/// One run: however many were missed, this makes up for them. `false` when it has to wait.
async fn run(
    conn: &mut Connection,
    schedule: &ScheduleRow,
    (task, params): (&RegisteredTask, &ParamsCodec),
    now: i64,
    submitted: &mut Vec<ScheduledJob>,
) -> Result<bool, JobError> {
    let Some(due) = schedule.next_run_at else {
        return Ok(false);
    };
    let job = NewJobRow {
        scheduled_at: Some(due),
        idempotency_key: key(schedule, due),
        ..job(schedule, task, params, now)
    };
    let id = job.id;
    let task = job.task_name.clone();
    let unique_key = job.unique_key.clone();
    let mut existing = store::find_unique(conn, task.as_deref(), &job.other_unique_keys).await?;
    let mut stored = 0;
    // What keeps it from being stored may end between the two looks.
    for _ in 0..MAX_TRIES {
        if existing.is_some() {
            break;
        }
        stored = store::insert(conn, vec![job.clone()]).await?;
        let Some(key) = unique_key.as_ref().filter(|_| stored == 0) else {
            break;
        };
        existing = store::find_by_unique_key(conn, task.as_deref(), key).await?;
        if let Some(key) = &job.idempotency_key
            && store::find_by_key(conn, task.as_deref(), key)
                .await?
                .is_some()
        {
            // This time has come before.
            break;
        }
    }
    if existing.is_some_and(|existing| existing.is_stopping()) {
        // It was canceled, and nothing may run beside it: its work is due until it has ended.
        return Ok(false);
    }
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
        submitted.push(ScheduledJob {
            task: job.task_name.unwrap_or_default(),
            queue: job.queue,
            at: now,
        });
        with_conn!(conn, |conn| {
            diesel::update(tasks_schedules::table.find(&schedule.name))
                .set(tasks_schedules::last_job_id.eq(Some(id)))
                .execute(conn)
                .await
        })?;
    }
    Ok(true)
}

/// What keeps a time from coming twice, as it does when it was planned again because a clock was set back. Clients have no keys with spaces.
fn key(schedule: &ScheduleRow, due: i64) -> Option<String> {
    let ScheduleRow {
        name, created_at, ..
    } = schedule;
    if schedule.declared_by.is_some() {
        // It may be removed and declared again, and is the same one.
        return Some(format!("schedule {name} {due}"));
    }
    // Who stores a time anew wants it again, after a deletion or in place of another one.
    let is_once = schedule.once_at.is_some();
    (!is_once).then(|| format!("schedule {name} {created_at} {due}"))
}

/// A job of a schedule, as it says and the task has it.
pub(super) fn job(
    schedule: &ScheduleRow,
    task: &RegisteredTask,
    params: &ParamsCodec,
    now: i64,
) -> NewJobRow {
    let policy = task.policy();
    let unique_key = policy.unique.then(|| {
        // What cannot be read is like nothing else; its job says why it fails.
        let read = params.read(task, &schedule.params);
        params.unique_key(task, read.as_deref().unwrap_or(&schedule.params))
    });
    let mut job = NewJobRow::of_task(
        CheckedCall {
            task: schedule.task_name.clone(),
            params: schedule.params.clone(),
            unique_key,
            concurrency_key: flow_control::key_of(task, &schedule.params),
            policy,
        },
        now,
    );
    job.description.clone_from(&schedule.description);
    job.schedule_name = Some(schedule.name.clone());
    if let Some(queue) = &schedule.queue {
        job.queue.clone_from(queue);
    }
    job.priority = schedule.priority.unwrap_or(job.priority);
    job.max_attempts = schedule.max_attempts.unwrap_or(job.max_attempts);
    job.timeout_ms = schedule.timeout_ms;
    job
}
