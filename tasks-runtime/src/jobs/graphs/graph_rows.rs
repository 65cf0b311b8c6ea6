//! The rows of graphs.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use super::node_rows::{EdgeRow, NewNodeRow};
use super::state::{GraphStatus, Stop};
use super::tables::{tasks_job_graph_edges, tasks_job_graph_nodes, tasks_job_graphs};
use crate::database::{Backend, Connection, ConnectionKind, statement};
use crate::jobs::error::JobError;
use crate::jobs::id::GraphId;
use crate::jobs::state::number::RUNNING as RUNNING_JOB;
use crate::jobs::state::sql;
use crate::with_conn;

/// The conditions of nodes that have a job which has not ended, of those that are to have one, and of graphs that have ended, as the indexes have them.
const OPEN: &str = "n.state = 2";
const READY: &str = "n.state = 1";
const RUNNING: &str = "state = 2";
const ENDED: &str = "state > 2";
/// How many graphs are looked for at once.
const MAX_CHANGED: i64 = 500;

/// A graph.
#[derive(Clone, Debug, Queryable, QueryableByName, Selectable, Insertable)]
#[diesel(table_name = tasks_job_graphs)]
pub(super) struct GraphRow {
    pub(super) id: GraphId,
    pub(super) description: Option<String>,
    pub(super) state: i32,
    pub(super) stop: i32,
    pub(super) submitted_at: i64,
    pub(super) finished_at: Option<i64>,
    /// In microseconds.
    pub(super) time_limit: Option<i64>,
    pub(super) deadline_at: Option<i64>,
    pub(super) submitted_by: Option<String>,
    pub(super) idempotency_key: Option<String>,
    /// Of what it was submitted with, but for the parameters; only with a key.
    pub(super) digest: Option<String>,
}

impl GraphRow {
    /// The same, canceled and at its end: nobody brings it up to date any more.
    pub(super) fn stopped(self, now: i64) -> Self {
        Self {
            state: GraphStatus::Canceled.number(),
            stop: Stop::number(Some(Stop::Canceled)),
            finished_at: Some(now),
            ..self
        }
    }
}

/// Stores a new graph; `false` when there is one with its idempotency key.
pub(super) async fn insert(
    conn: &mut Connection,
    graph: &GraphRow,
    nodes: Vec<NewNodeRow>,
    edges: Vec<EdgeRow>,
) -> Result<bool, JobError> {
    let stored = with_conn!(conn, |conn| {
        diesel::insert_into(tasks_job_graphs::table)
            .values(graph)
            .on_conflict_do_nothing()
            .execute(conn)
            .await
    })?;
    if stored == 0 {
        return Ok(false);
    }
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            // One visit to the thread for all of them.
            conn.spawn_blocking(move |conn| {
                for node in &nodes {
                    let query = diesel::insert_into(tasks_job_graph_nodes::table).values(node);
                    diesel::RunQueryDsl::execute(query, conn)?;
                }
                for edge in &edges {
                    let query = diesel::insert_into(tasks_job_graph_edges::table).values(edge);
                    diesel::RunQueryDsl::execute(query, conn)?;
                }
                Ok::<_, diesel::result::Error>(())
            })
            .await?;
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            /// A statement of PostgreSQL has 65,535 values at most.
            const BATCH_SIZE: usize = 4000;
            for nodes in nodes.chunks(BATCH_SIZE) {
                diesel::insert_into(tasks_job_graph_nodes::table)
                    .values(nodes)
                    .execute(conn)
                    .await?;
            }
            for edges in edges.chunks(BATCH_SIZE) {
                diesel::insert_into(tasks_job_graph_edges::table)
                    .values(edges)
                    .execute(conn)
                    .await?;
            }
        }
    }
    Ok(true)
}

/// The graph of a caller that has an idempotency key.
pub(super) async fn find_by_key(
    conn: &mut Connection,
    submitted_by: Option<&str>,
    key: &str,
) -> Result<Option<GraphRow>, JobError> {
    const SQL: &str = "SELECT * FROM tasks_job_graphs WHERE COALESCE(submitted_by, '') = $1 AND idempotency_key = $2";
    Ok(with_conn!(conn, |conn| {
        statement(SQL)
            .bind::<Text, _>(submitted_by.unwrap_or_default())
            .bind::<Text, _>(key)
            .get_result(conn)
            .await
            .optional()
    })?)
}

pub(super) async fn find(conn: &mut Connection, id: GraphId) -> Result<Option<GraphRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_graphs::table
            .find(id)
            .select(GraphRow::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// One that nobody else works on until the transaction ends; with `or_skip`, `None` when somebody does, and else that is waited for.
pub(super) async fn lock(
    conn: &mut Connection,
    id: GraphId,
    or_skip: bool,
) -> Result<Option<GraphRow>, JobError> {
    let lock = match (conn.backend(), or_skip) {
        (Backend::Sqlite, _) => "",
        (Backend::Postgres, true) => " FOR UPDATE SKIP LOCKED",
        (Backend::Postgres, false) => " FOR UPDATE",
    };
    let sql = format!("SELECT * FROM tasks_job_graphs WHERE id = $1{lock}");
    Ok(with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(id)
            .get_result(conn)
            .await
            .optional()
    })?)
}

/// Newest first.
pub(super) async fn list(
    conn: &mut Connection,
    status: Option<i32>,
    before: Option<GraphId>,
    limit: i64,
) -> Result<Vec<GraphRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        let mut query = tasks_job_graphs::table
            .select(GraphRow::as_select())
            .order(tasks_job_graphs::id.desc())
            .limit(limit)
            .into_boxed();
        if let Some(status) = status {
            query = query.filter(tasks_job_graphs::state.eq(status));
        }
        if let Some(before) = before {
            query = query.filter(tasks_job_graphs::id.lt(before));
        }
        query.load(conn).await
    })?)
}

/// Stores how a graph is.
pub(super) async fn update(conn: &mut Connection, graph: &GraphRow) -> Result<(), JobError> {
    with_conn!(conn, |conn| {
        diesel::update(tasks_job_graphs::table.find(graph.id))
            .set((
                tasks_job_graphs::state.eq(graph.state),
                tasks_job_graphs::stop.eq(graph.stop),
                tasks_job_graphs::finished_at.eq(graph.finished_at),
                tasks_job_graphs::deadline_at.eq(graph.deadline_at),
            ))
            .execute(conn)
            .await
    })?;
    Ok(())
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Text)]
    id: GraphId,
}

/// The graphs that something has become of: a job of theirs has ended or is gone, a node of one of these tasks is ready, a job waits although they stop, or their
/// deadline is over. Not those that have failed, and of those that are stuck not what is ready. Each is read from an index of what is open, so it does not matter how many there are that have ended.
pub(super) async fn changed(
    conn: &mut Connection,
    tasks: &[String],
    (stuck, failed): (&[GraphId], &[GraphId]),
    now: i64,
) -> Result<Vec<GraphId>, JobError> {
    let list = |value: u32| match conn.backend() {
        Backend::Sqlite => format!("SELECT value FROM json_each(${value})"),
        Backend::Postgres => format!("SELECT jsonb_array_elements_text(CAST(${value} AS JSONB))"),
    };
    let (names, stuck_ids, failed_ids) = (list(1), list(2), list(4));
    let ended = sql::ENDED;
    let waits = format!("tasks_jobs.state < {RUNNING_JOB}");
    let sql = format!(
        "SELECT id FROM (\
         SELECT n.graph_id AS id FROM tasks_job_graph_nodes n LEFT JOIN tasks_jobs ON tasks_jobs.id = n.job_id \
         WHERE {OPEN} AND n.job_id IS NOT NULL AND (tasks_jobs.id IS NULL OR {ended}) \
         UNION SELECT i.graph_id FROM tasks_job_graph_items i LEFT JOIN tasks_jobs ON tasks_jobs.id = i.job_id \
         WHERE i.state < 3 AND i.state = 2 AND (tasks_jobs.id IS NULL OR {ended}) \
         UNION SELECT n.graph_id FROM tasks_job_graph_nodes n WHERE {READY} AND n.task_name IN ({names}) \
         AND n.graph_id NOT IN ({stuck_ids}) \
         UNION SELECT g.id FROM tasks_job_graphs g JOIN tasks_job_graph_nodes n ON n.graph_id = g.id JOIN tasks_jobs ON tasks_jobs.id = n.job_id \
         WHERE g.{RUNNING} AND g.stop > 0 AND {OPEN} AND n.owns_job = 1 AND {waits} \
         UNION SELECT g.id FROM tasks_job_graphs g JOIN tasks_job_graph_items i ON i.graph_id = g.id AND i.state < 3 \
         JOIN tasks_jobs ON tasks_jobs.id = i.job_id WHERE g.{RUNNING} AND g.stop > 0 AND i.owns_job = 1 AND {waits} \
         UNION SELECT g.id FROM tasks_job_graphs g WHERE g.{RUNNING} AND g.deadline_at IS NOT NULL AND g.deadline_at <= $3 AND g.stop < 2\
         ) AS found WHERE id NOT IN ({failed_ids}) ORDER BY id LIMIT {MAX_CHANGED}"
    );
    let tasks = serde_json::to_string(tasks).unwrap_or_else(|_| "[]".to_owned());
    let json = |ids: &[GraphId]| serde_json::to_string(ids).unwrap_or_else(|_| "[]".to_owned());
    let rows: Vec<IdRow> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(tasks)
            .bind::<Text, _>(json(stuck))
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(json(failed))
            .load(conn)
            .await
    })?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Whether any graph has not ended.
pub(super) async fn any_open(conn: &mut Connection) -> Result<bool, JobError> {
    let found: Option<GraphId> = with_conn!(conn, |conn| {
        tasks_job_graphs::table
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(RUNNING))
            .select(tasks_job_graphs::id)
            .first(conn)
            .await
            .optional()
    })?;
    Ok(found.is_some())
}

/// Forgets a graph, and nothing of its jobs.
pub(super) async fn delete(conn: &mut Connection, id: GraphId) -> Result<(), JobError> {
    with_conn!(conn, |conn| {
        diesel::delete(tasks_job_graphs::table.find(id))
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// The graph that ended first, if that was before a time, and that nobody is at. Nobody else is until the transaction ends.
pub(super) async fn lock_ended_before(
    conn: &mut Connection,
    before: i64,
) -> Result<Option<GraphId>, JobError> {
    let lock = match conn.backend() {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let sql = format!(
        "SELECT id FROM tasks_job_graphs WHERE {ENDED} AND finished_at < $1 ORDER BY finished_at LIMIT 1{lock}"
    );
    let row: Option<IdRow> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(before)
            .get_result(conn)
            .await
            .optional()
    })?;
    Ok(row.map(|row| row.id))
}
