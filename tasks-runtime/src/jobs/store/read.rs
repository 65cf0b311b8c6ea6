//! Jobs are found, listed and counted.

use diesel::dsl::{max, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use ulid::Ulid;

use super::search::Condition;
use crate::database::{Connection, ConnectionKind, statement};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::list::JobFilter;
use crate::jobs::record::JobStats;
use crate::jobs::state::sql;
use crate::jobs::table::{JobRow, LISTED_ERROR, LISTED_PARAMS, tasks_job_results, tasks_jobs};
use crate::with_conn;

pub(in crate::jobs) async fn find(
    conn: &mut Connection,
    id: JobId,
) -> Result<Option<JobRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(id.to_string())
            // Not as a text of SQL: that would have it prepared each time.
            .filter(tasks_jobs::deleted.eq(0))
            .select(JobRow::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// The row and its result.
pub(in crate::jobs) async fn find_result(
    conn: &mut Connection,
    id: JobId,
) -> Result<Option<(JobRow, Option<String>)>, JobError> {
    let Some(row) = find(conn, id).await? else {
        return Ok(None);
    };
    let result: Option<Option<String>> = with_conn!(conn, |conn| {
        tasks_job_results::table
            .find(id.to_string())
            .select(tasks_job_results::result)
            .first(conn)
            .await
            .optional()
    })?;
    // Without one it was deleted in the meantime.
    Ok(result.map(|result| (row, result)))
}

/// How long the result of a job is, in bytes; `None` when there is none.
pub(in crate::jobs) async fn result_size(
    conn: &mut Connection,
    job: JobId,
) -> Result<Option<i64>, JobError> {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = Nullable<BigInt>)]
        size: Option<i64>,
    }
    let sql = "SELECT CAST(octet_length(result) AS BIGINT) AS size FROM tasks_jobs WHERE id = $1 AND deleted = 0";
    let found: Option<Size> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(job)
            .get_result(conn)
            .await
            .optional()
    })?;
    Ok(found.and_then(|found| found.size))
}

/// A query of the jobs that fit a filter, boxed: what is listed is what is counted. A macro, since the type of a query is another one for each
/// database and for each selection.
macro_rules! wanted {
    ($query:expr, $filter:expr, $backend:expr) => {{
        let JobFilter {
            status,
            tasks,
            schedule,
            queue,
            error_type,
            error_code,
            error_location,
            submitted_after,
            submitted_before,
            search,
            searched_tasks,
        } = $filter;
        let mut query = $query.filter(sql::<Bool>(sql::NOT_DELETED)).into_boxed();
        if let Some(status) = status {
            query = query.filter(sql::<Bool>(sql::status(*status)));
        }
        if let Some(tasks) = tasks {
            query = query.filter(tasks_jobs::task_name.eq_any(tasks));
        }
        if let Some(schedule) = schedule {
            query = query.filter(tasks_jobs::schedule_name.eq(schedule));
        }
        if let Some(queue) = queue {
            query = query.filter(tasks_jobs::queue.eq(queue));
        }
        if let Some(name) = error_type {
            query = query.filter(tasks_jobs::error_type.eq(name));
        }
        match error_code.as_deref() {
            None => {}
            Some("") => {
                let without = tasks_jobs::error_code.is_null();
                query = query.filter(tasks_jobs::error_type.is_not_null().and(without));
            }
            Some(code) => query = query.filter(tasks_jobs::error_code.eq(code)),
        }
        match error_location.as_deref() {
            None => {}
            Some("") => {
                query = query.filter(sql::<Bool>(&format!("{LATEST_FAILURE} IS NULL)")));
            }
            Some(place) => {
                query = query.filter(
                    sql::<Bool>(&format!("{LATEST_FAILURE} = "))
                        .bind::<Text, _>(place)
                        .sql(")"),
                );
            }
        }
        if let Some(after) = submitted_after {
            query = query.filter(tasks_jobs::submitted_at.ge(*after));
            query = query.filter(tasks_jobs::id.ge(id_at(after.saturating_sub(MAX_SKEW))));
        }
        if let Some(before) = submitted_before {
            query = query.filter(tasks_jobs::submitted_at.lt(*before));
            query = query.filter(tasks_jobs::id.lt(id_at(before.saturating_add(MAX_SKEW))));
        }
        if let Some(text) = search {
            let condition = Condition::new($backend, text, searched_tasks);
            query = query.filter(
                sql::<Bool>(&condition.in_error)
                    .bind::<Text, _>(condition.error)
                    .sql(&condition.in_params)
                    .bind::<Text, _>(condition.params)
                    .sql(condition.or_escaped)
                    .bind::<Text, _>(condition.escaped)
                    .sql(&condition.of_tasks)
                    .bind::<Text, _>(condition.tasks)
                    .sql(condition.end),
            );
        }
        query
    }};
}

/// A condition on where the error of the latest failed attempt of a job began, but for its comparison and the parenthesis after that.
const LATEST_FAILURE: &str = "EXISTS (SELECT 1 FROM tasks_job_attempts AS failure WHERE failure.job_id = tasks_jobs.id AND failure.fence = \
    (SELECT MAX(latest.fence) FROM tasks_job_attempts AS latest WHERE latest.job_id = tasks_jobs.id) AND failure.error_location";

/// How far the clock of a machine that makes ids may be from that of the database, in microseconds.
const MAX_SKEW: i64 = 3600 * 1_000_000;

/// The first id that a machine makes at a time: ids begin with it, and the table is in their order.
fn id_at(micros: i64) -> String {
    let milliseconds = u64::try_from(micros.div_euclid(1000)).unwrap_or(0);
    // What a ULID has room for: it ends in the year 10889.
    Ulid::from_parts(milliseconds.min((1 << 48) - 1), 0).to_string()
}

/// Newest first, without what is heavy: parameters that are longer than a list shows are empty, errors are cut, tracebacks are left out.
pub(in crate::jobs) async fn list(
    conn: &mut Connection,
    filter: &JobFilter,
    before: Option<JobId>,
    offset: i64,
    limit: i64,
) -> Result<Vec<JobRow>, JobError> {
    let before = before.map(|id| id.to_string());
    let backend = conn.backend();
    let error = format!("substr(tasks_jobs.error, 1, {})", LISTED_ERROR + 1);
    let params = format!(
        "CASE WHEN octet_length(tasks_jobs.params) > {LISTED_PARAMS} THEN '' ELSE tasks_jobs.params END"
    );
    Ok(with_conn!(conn, |conn| {
        let mut query = wanted!(tasks_jobs::table, filter, backend);
        if let Some(before) = before {
            query = query.filter(tasks_jobs::id.lt(before));
        }
        query
            .order(tasks_jobs::id.desc())
            .offset(offset)
            .limit(limit)
            // In the order of a row.
            .select((
                tasks_jobs::id,
                tasks_jobs::task_name,
                tasks_jobs::description,
                tasks_jobs::queue,
                tasks_jobs::state,
                tasks_jobs::priority,
                tasks_jobs::run_at,
                tasks_jobs::submitted_at,
                tasks_jobs::scheduled_at,
                tasks_jobs::started_at,
                tasks_jobs::finished_at,
                tasks_jobs::cancel_requested_at,
                tasks_jobs::attempt,
                tasks_jobs::max_attempts,
                tasks_jobs::crashes,
                tasks_jobs::artifact_id,
                tasks_jobs::error_type,
                sql::<Nullable<Text>>(&error),
                sql::<Nullable<Text>>("CAST(NULL AS TEXT)"),
                tasks_jobs::error_code,
                sql::<Nullable<Text>>("CAST(NULL AS TEXT)"),
                tasks_jobs::progress,
                sql::<Text>(&params),
                tasks_jobs::schedule_name,
                tasks_jobs::submitted_by,
                tasks_jobs::timeout_ms,
            ))
            .load::<JobRow>(conn)
            .await
    })?)
}

pub(in crate::jobs) async fn count(
    conn: &mut Connection,
    filter: &JobFilter,
) -> Result<u64, JobError> {
    let backend = conn.backend();
    let count: i64 = with_conn!(conn, |conn| {
        wanted!(tasks_jobs::table.count(), filter, backend)
            .get_result(conn)
            .await
    })?;
    Ok(count.unsigned_abs())
}

/// How many jobs fit a filter and a condition, counted up to a limit.
pub(in crate::jobs) async fn count_up_to(
    conn: &mut Connection,
    (filter, condition): (&JobFilter, &str),
    most: i64,
) -> Result<i64, JobError> {
    let backend = conn.backend();
    let ids: Vec<String> = with_conn!(conn, |conn| {
        wanted!(tasks_jobs::table.select(tasks_jobs::id), filter, backend)
            .filter(sql::<Bool>(condition))
            .limit(most)
            .load(conn)
            .await
    })?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

/// Jobs that were found, and that stay as they are until the transaction ends.
pub(in crate::jobs) struct LockedJobs {
    /// The ids of those that fit, in their order.
    pub(in crate::jobs) fitting: Vec<String>,
    /// The last id that was looked at, if there may be more.
    pub(in crate::jobs) last_of_full: Option<String>,
}

/// The jobs that fit a filter and a condition, after one id and up to another; only of those that were submitted by a time.
pub(in crate::jobs) async fn lock_matching(
    conn: &mut Connection,
    filter: (&JobFilter, &str),
    (after, up_to): (&str, &str),
    (submitted_by, limit): (i64, i64),
) -> Result<LockedJobs, JobError> {
    let found = matching(conn, filter, (after, up_to), (submitted_by, limit)).await?;
    let is_full = i64::try_from(found.len()).is_ok_and(|count| count == limit);
    let last_of_full = found.last().filter(|_| is_full).cloned();
    let fitting = match conn.kind() {
        // There is one writer at a time, and this is the one.
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(_) => found,
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(_) if found.is_empty() => found,
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(pg) => {
            let locked: Vec<String> = tasks_jobs::table
                .filter(tasks_jobs::id.eq_any(&found))
                .order(tasks_jobs::id)
                .select(tasks_jobs::id)
                .for_update()
                .load(pg)
                .await?;
            // Others may have changed them before they were locked.
            let last = found.last().map_or(up_to, String::as_str);
            // Without a limit: those that fit since then are not locked, and leave no other out.
            let all = (submitted_by, i64::MAX);
            let mut fitting = matching(conn, filter, (after, last), all).await?;
            fitting.retain(|id| locked.contains(id));
            fitting
        }
    };
    Ok(LockedJobs {
        fitting,
        last_of_full,
    })
}

/// The ids of jobs that fit a filter and a condition, after one id and up to another, in their order; only of those that were submitted by a time.
async fn matching(
    conn: &mut Connection,
    (filter, condition): (&JobFilter, &str),
    (after, up_to): (&str, &str),
    (submitted_by, limit): (i64, i64),
) -> Result<Vec<String>, JobError> {
    let backend = conn.backend();
    Ok(with_conn!(conn, |conn| {
        wanted!(tasks_jobs::table.select(tasks_jobs::id), filter, backend)
            .filter(sql::<Bool>(condition))
            .filter(tasks_jobs::id.gt(after))
            .filter(tasks_jobs::id.le(up_to))
            .filter(tasks_jobs::submitted_at.le(submitted_by))
            .order(tasks_jobs::id)
            .limit(limit)
            .load(conn)
            .await
    })?)
}

/// The id of the newest job: the highest one.
pub(in crate::jobs) async fn newest_id(conn: &mut Connection) -> Result<Option<String>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .select(max(tasks_jobs::id))
            .get_result(conn)
            .await
    })?)
}

pub(in crate::jobs) async fn stats(conn: &mut Connection) -> Result<JobStats, JobError> {
    let mut counts = [0; 5];
    let conditions = [
        sql::PENDING,
        sql::RUNNING,
        sql::ENDED,
        sql::FAILED,
        sql::CANCELED,
    ];
    for (count, condition) in counts.iter_mut().zip(conditions) {
        let found: i64 = with_conn!(conn, |conn| {
            tasks_jobs::table
                .filter(sql::<Bool>(condition))
                .count()
                .get_result(conn)
                .await
        })?;
        *count = found.unsigned_abs();
    }
    let [pending, running, ended, failed, canceled] = counts;
    Ok(JobStats {
        pending,
        running,
        completed: ended - failed - canceled,
        failed,
        canceled,
    })
}

/// When the newest job was submitted, in microseconds since 1970: the one of the highest id.
pub(in crate::jobs) async fn newest_submitted_at(
    conn: &mut Connection,
) -> Result<Option<i64>, JobError> {
    // The end of the index of ids, and one row.
    let newest = diesel::alias!(tasks_jobs as newest);
    let highest = newest.select(max(newest.field(tasks_jobs::id)));
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::id.nullable().eq(highest.single_value()))
            .select(tasks_jobs::submitted_at)
            .first(conn)
            .await
            .optional()
    })?)
}

/// How many jobs wait, by queue.
#[cfg(feature = "metrics")]
pub(in crate::jobs) async fn pending_by_queue(
    conn: &mut Connection,
) -> Result<std::collections::HashMap<String, i64>, JobError> {
    let counts: Vec<(String, i64)> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(sql::<Bool>(sql::PENDING))
            .group_by(tasks_jobs::queue)
            .select((tasks_jobs::queue, diesel::dsl::count_star()))
            .load(conn)
            .await
    })?;
    Ok(counts.into_iter().collect())
}
