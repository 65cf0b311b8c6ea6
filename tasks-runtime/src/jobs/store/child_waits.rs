//! Jobs whose code waits for the end of jobs that it has submitted.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use super::events::put_off;
use crate::database::{Backend, Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::sql;
use crate::with_conn;

/// How many are found at once.
const MAX_FOUND: i64 = 500;
/// The condition of waits, as their index has it.
const WAITS: &str = "child_id IS NOT NULL AND result IS NULL AND waits_until IS NOT NULL";

/// The jobs that wait for others.
#[derive(Default)]
pub(in crate::jobs) struct ChildWaits {
    /// Whether there are any.
    pub(in crate::jobs) any: bool,
    /// Those of which a child has ended, or is not there any more.
    pub(in crate::jobs) over: Vec<JobId>,
    /// Those that have ended themselves: nobody waits any more.
    pub(in crate::jobs) left: Vec<JobId>,
}

#[derive(QueryableByName)]
struct Parent {
    #[diesel(sql_type = Text)]
    job_id: JobId,
}

/// Looks for jobs that wait for others, and for waits that are over.
pub(in crate::jobs) async fn child_waits(conn: &mut Connection) -> Result<ChildWaits, JobError> {
    let (ended, put_off) = (sql::ENDED, put_off());
    let select = "SELECT DISTINCT job_id FROM tasks_job_steps";
    // A job that is there is the one that its own condition is about.
    let child = format!(
        "NOT EXISTS (SELECT 1 FROM tasks_jobs WHERE tasks_jobs.id = tasks_job_steps.child_id AND NOT ({ended}))"
    );
    let parent = |condition: &str| {
        format!(
            "EXISTS (SELECT 1 FROM tasks_jobs WHERE tasks_jobs.id = tasks_job_steps.job_id AND {condition})"
        )
    };
    let any = format!("SELECT job_id FROM tasks_job_steps WHERE {WAITS} LIMIT 1");
    let over = format!(
        "{select} WHERE {WAITS} AND {child} AND {} LIMIT {MAX_FOUND}",
        parent(&put_off)
    );
    let left = format!(
        "{select} WHERE {WAITS} AND {} LIMIT {MAX_FOUND}",
        parent(ended)
    );
    let ids = |rows: Vec<Parent>| rows.into_iter().map(|row| row.job_id).collect();
    let mut found = ChildWaits::default();
    let rows: Vec<Parent> = with_conn!(conn, |conn| statement(any).load(conn).await)?;
    found.any = !rows.is_empty();
    if found.any {
        found.over = ids(with_conn!(conn, |conn| statement(over).load(conn).await)?);
        found.left = ids(with_conn!(conn, |conn| statement(left).load(conn).await)?);
    }
    Ok(found)
}

/// Makes jobs due that wait for others of which one has ended, those that nobody else is at; once for each wait, whatever their code does then. Gives which.
pub(in crate::jobs) async fn wake_parents(
    conn: &mut Connection,
    parents: &[JobId],
    now: i64,
) -> Result<Vec<JobId>, JobError> {
    let (ended, put_off) = (sql::ENDED, put_off());
    let mut woken = Vec::new();
    for parent in lock(conn, parents, &put_off).await? {
        let sql = format!(
            "UPDATE tasks_job_steps SET waits_until = NULL WHERE job_id = $1 AND {WAITS} \
             AND NOT EXISTS (SELECT 1 FROM tasks_jobs WHERE tasks_jobs.id = tasks_job_steps.child_id AND NOT ({ended}))"
        );
        let over = with_conn!(conn, |conn| {
            statement(sql).bind::<Text, _>(parent).execute(conn).await
        })?;
        // Otherwise somebody has woken it already.
        if over == 0 {
            continue;
        }
        let sql = "UPDATE tasks_jobs SET run_at = $1 WHERE id = $2 AND run_at > $1";
        with_conn!(conn, |conn| {
            statement(sql)
                .bind::<BigInt, _>(now)
                .bind::<Text, _>(parent)
                .execute(conn)
                .await
        })?;
        woken.push(parent);
    }
    Ok(woken)
}

/// Those of some jobs that this holds of and that nobody else is at: nobody else is until the transaction ends.
async fn lock(
    conn: &mut Connection,
    jobs: &[JobId],
    condition: &str,
) -> Result<Vec<JobId>, JobError> {
    let lock = match conn.backend() {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR NO KEY UPDATE SKIP LOCKED",
    };
    let sql = format!("SELECT id AS job_id FROM tasks_jobs WHERE id = $1 AND {condition}{lock}");
    let mut locked = Vec::new();
    for job in jobs {
        let found: Option<Parent> = with_conn!(conn, |conn| {
            statement(sql.as_str())
                .bind::<Text, _>(*job)
                .get_result(conn)
                .await
                .optional()
        })?;
        locked.extend(found.map(|row| row.job_id));
    }
    Ok(locked)
}

/// Forgets that jobs wait which have ended.
pub(in crate::jobs) async fn forget_child_waits(
    conn: &mut Connection,
    parents: &[JobId],
) -> Result<(), JobError> {
    for parent in lock(conn, parents, sql::ENDED).await? {
        let sql =
            format!("UPDATE tasks_job_steps SET waits_until = NULL WHERE job_id = $1 AND {WAITS}");
        with_conn!(conn, |conn| {
            statement(sql).bind::<Text, _>(parent).execute(conn).await
        })?;
    }
    Ok(())
}
