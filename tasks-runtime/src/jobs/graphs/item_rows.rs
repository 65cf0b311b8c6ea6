//! The rows of items whose jobs were made.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::RunQueryDsl;

use super::state::NodeState;
use super::tables::tasks_job_graph_items;
use crate::database::{Connection, ConnectionKind, statement};
use crate::jobs::error::JobError;
use crate::jobs::id::{GraphId, JobId};
use crate::with_conn;

/// An item whose job was made.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = tasks_job_graph_items)]
pub(super) struct ItemRow {
    pub(super) graph_id: GraphId,
    pub(super) node: String,
    pub(super) number: i64,
    pub(super) state: i32,
    pub(super) job_id: Option<JobId>,
    pub(super) owns_job: i32,
    pub(super) error: Option<String>,
}

/// Those that have a job which has not ended, and those that are to have theirs again.
pub(super) async fn open(
    conn: &mut Connection,
    graph: GraphId,
    node: &str,
) -> Result<Vec<ItemRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_graph_items::table
            .filter(tasks_job_graph_items::graph_id.eq(graph))
            .filter(tasks_job_graph_items::node.eq(node))
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("state < 3"))
            .order(tasks_job_graph_items::number)
            .select(ItemRow::as_select())
            .load(conn)
            .await
    })?)
}

/// A page of them, in their order, from a number on.
pub(super) async fn page(
    conn: &mut Connection,
    (graph, node): (GraphId, &str),
    from: i64,
    limit: i64,
) -> Result<Vec<ItemRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_graph_items::table
            .filter(tasks_job_graph_items::graph_id.eq(graph))
            .filter(tasks_job_graph_items::node.eq(node))
            .filter(tasks_job_graph_items::number.ge(from))
            .order(tasks_job_graph_items::number)
            .limit(limit)
            .select(ItemRow::as_select())
            .load(conn)
            .await
    })?)
}

/// Stores items, in place of those that are there.
pub(super) async fn put(conn: &mut Connection, rows: Vec<ItemRow>) -> Result<(), JobError> {
    use tasks_job_graph_items::dsl;

    if rows.is_empty() {
        return Ok(());
    }
    let key = (dsl::graph_id, dsl::node, dsl::number);
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            // One visit to the thread for all of them.
            conn.spawn_blocking(move |conn| {
                for row in &rows {
                    let query = diesel::replace_into(dsl::tasks_job_graph_items).values(row);
                    diesel::RunQueryDsl::execute(query, conn)?;
                }
                Ok::<_, diesel::result::Error>(())
            })
            .await?;
            let _ = key;
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            use diesel::upsert::excluded;

            diesel::insert_into(dsl::tasks_job_graph_items)
                .values(&rows)
                .on_conflict(key)
                .do_update()
                .set((
                    dsl::state.eq(excluded(dsl::state)),
                    dsl::job_id.eq(excluded(dsl::job_id)),
                    dsl::owns_job.eq(excluded(dsl::owns_job)),
                    dsl::error.eq(excluded(dsl::error)),
                ))
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

/// Stores what these items have come to.
pub(super) async fn end(
    conn: &mut Connection,
    (graph, node): (GraphId, &str),
    numbers: &BTreeMap<i32, Vec<i64>>,
) -> Result<(), JobError> {
    for (state, numbers) in numbers {
        for numbers in numbers.chunks(500) {
            with_conn!(conn, |conn| {
                diesel::update(
                    tasks_job_graph_items::table
                        .filter(tasks_job_graph_items::graph_id.eq(graph))
                        .filter(tasks_job_graph_items::node.eq(node))
                        .filter(tasks_job_graph_items::number.eq_any(numbers)),
                )
                .set(tasks_job_graph_items::state.eq(*state))
                .execute(conn)
                .await
            })?;
        }
    }
    Ok(())
}

/// Has those be made again that have not completed. Gives how many.
pub(super) async fn begin_again(
    conn: &mut Connection,
    graph: GraphId,
    node: &str,
) -> Result<usize, JobError> {
    let (ready, completed) = (NodeState::Ready.number(), NodeState::Completed.number());
    Ok(with_conn!(conn, |conn| {
        diesel::update(
            tasks_job_graph_items::table
                .filter(tasks_job_graph_items::graph_id.eq(graph))
                .filter(tasks_job_graph_items::node.eq(node))
                .filter(tasks_job_graph_items::state.ne(completed)),
        )
        .set(tasks_job_graph_items::state.eq(ready))
        .execute(conn)
        .await
    })?)
}

/// Forgets the items of a node, and nothing of their jobs.
pub(super) async fn delete_of(
    conn: &mut Connection,
    graph: GraphId,
    node: &str,
) -> Result<(), JobError> {
    with_conn!(conn, |conn| {
        diesel::delete(
            tasks_job_graph_items::table
                .filter(tasks_job_graph_items::graph_id.eq(graph))
                .filter(tasks_job_graph_items::node.eq(node)),
        )
        .execute(conn)
        .await
    })?;
    Ok(())
}

/// Forgets some items of a graph, and nothing of their jobs. Gives how many, and the jobs that were made for them.
pub(super) async fn take_some(
    conn: &mut Connection,
    graph: GraphId,
    most: i64,
) -> Result<(usize, Vec<JobId>), JobError> {
    type Row = (String, i64, Option<JobId>, i32);
    let rows: Vec<Row> = with_conn!(conn, |conn| {
        tasks_job_graph_items::table
            .filter(tasks_job_graph_items::graph_id.eq(graph))
            .order((tasks_job_graph_items::node, tasks_job_graph_items::number))
            .limit(most)
            .select((
                tasks_job_graph_items::node,
                tasks_job_graph_items::number,
                tasks_job_graph_items::job_id,
                tasks_job_graph_items::owns_job,
            ))
            .load(conn)
            .await
    })?;
    let mut nodes: BTreeMap<&str, i64> = BTreeMap::new();
    for (node, number, ..) in &rows {
        nodes.insert(node, *number);
    }
    for (node, last) in nodes {
        with_conn!(conn, |conn| {
            diesel::delete(
                tasks_job_graph_items::table
                    .filter(tasks_job_graph_items::graph_id.eq(graph))
                    .filter(tasks_job_graph_items::node.eq(node))
                    .filter(tasks_job_graph_items::number.le(last)),
            )
            .execute(conn)
            .await
        })?;
    }
    let count = rows.len();
    let own = rows.into_iter().filter(|(.., owns)| *owns == 1);
    Ok((count, own.filter_map(|(_, _, job, _)| job).collect()))
}

/// How long the results of a node's items are together, in bytes.
pub(super) async fn results_size(
    conn: &mut Connection,
    graph: GraphId,
    node: &str,
) -> Result<i64, JobError> {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = BigInt)]
        size: i64,
    }
    let sql = "SELECT CAST(COALESCE(SUM(COALESCE(octet_length(tasks_jobs.result), 4) + 1), 0) AS BIGINT) AS size \
               FROM tasks_job_graph_items i LEFT JOIN tasks_jobs ON tasks_jobs.id = i.job_id AND tasks_jobs.deleted = 0 \
               WHERE i.graph_id = $1 AND i.node = $2";
    let found: Size = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(graph)
            .bind::<Text, _>(node)
            .get_result(conn)
            .await
    })?;
    Ok(found.size)
}

/// The results of a node's items as a list of JSON, in their order; null for each without one.
pub(super) async fn results(
    conn: &mut Connection,
    graph: GraphId,
    node: &str,
) -> Result<String, JobError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Text>)]
        result: Option<String>,
    }
    let sql = "SELECT CASE WHEN i.state = 3 THEN tasks_jobs.result END AS result \
               FROM tasks_job_graph_items i LEFT JOIN tasks_jobs ON tasks_jobs.id = i.job_id AND tasks_jobs.deleted = 0 \
               WHERE i.graph_id = $1 AND i.node = $2 ORDER BY i.number";
    let rows: Vec<Row> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(graph)
            .bind::<Text, _>(node)
            .load(conn)
            .await
    })?;
    let mut list = String::from("[");
    for row in rows {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(row.result.as_deref().unwrap_or("null"));
    }
    list.push(']');
    Ok(list)
}
