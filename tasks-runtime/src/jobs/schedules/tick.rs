//! The time of a schedule has come.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use ulid::Ulid;

use super::row::{Row, find, tasks_schedules};
use crate::database::{Backend, Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::store;
use crate::jobs::table::{NewRow, state};
use crate::registry::TaskRegistry;
use crate::task::JobPolicy;
use crate::with_conn;

/// How many schedules run in one round.
const AT_ONCE: i64 = 100;

/// Submits the jobs of schedules whose time has come, in the transaction that moves them on: each time once, however many
/// processes there are. Gives the time of the next one.
pub(in crate::jobs) async fn tick(
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
        queue: policy
            .queue
            .unwrap_or(crate::jobs::DEFAULT_QUEUE)
            .to_owned(),
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
