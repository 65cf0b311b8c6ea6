//! The shape of trees in the table of artifacts: parents, levels, what is below what.

use std::collections::{HashMap, HashSet};

use crate::artifacts::id::ArtifactId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel_async::RunQueryDsl;

use super::ArtifactError;
use super::limits::{MAX_LEVEL, MAX_NODES};
use super::table::{Head, tasks_artifacts};
use crate::database::{Backend, Connection};
use crate::with_conn;

/// Keeps the shape of trees as it is until the transaction ends, or keeps others from looking at it.
///
/// The level of an artifact depends on rows that its transaction does not write. In SQLite there is one writer anyway.
pub(super) async fn lock_shape(conn: &mut Connection, change: bool) -> Result<(), ArtifactError> {
    if conn.backend() == Backend::Postgres {
        let how = if change { "" } else { "_shared" };
        // "artifact", in ASCII.
        let sql = format!(
            "SELECT pg_advisory_xact_lock{how}({})",
            0x6172_7469_6661_6374_i64
        );
        conn.batch(&sql).await?;
    }
    Ok(())
}

/// The level of a child.
pub(super) async fn level_below(
    conn: &mut Connection,
    parent: ArtifactId,
) -> Result<i32, ArtifactError> {
    let level = levels(conn, &HashSet::from([parent])).await?;
    level_under(level.get(&parent).copied(), parent)
}

/// The level of a child of a parent that has this one.
pub(super) fn level_under(level: Option<i32>, parent: ArtifactId) -> Result<i32, ArtifactError> {
    let level = level.ok_or(ArtifactError::UnknownParent(parent))? + 1;
    if level.unsigned_abs() > MAX_LEVEL {
        return Err(ArtifactError::TooDeep(level.into()));
    }
    Ok(level)
}

/// The levels of artifacts. Those that are not there are left out.
pub(super) async fn levels(
    conn: &mut Connection,
    of: &HashSet<ArtifactId>,
) -> Result<HashMap<ArtifactId, i32>, ArtifactError> {
    /// A statement of SQLite has 32,766 values at most.
    const BATCH_SIZE: usize = 10_000;
    let of: Vec<String> = of.iter().map(ToString::to_string).collect();
    let mut levels = HashMap::new();
    // Of one it is always the same statement, which stays prepared.
    if let [id] = of.as_slice() {
        let level: Option<i32> = with_conn!(conn, |conn| {
            tasks_artifacts::table
                .find(id)
                .select(tasks_artifacts::level)
                .first(conn)
                .await
                .optional()
        })?;
        levels.extend(level.map(|level| (ArtifactId::stored(id), level)));
        return Ok(levels);
    }
    for ids in of.chunks(BATCH_SIZE) {
        let found: Vec<(String, i32)> = with_conn!(conn, |conn| {
            tasks_artifacts::table
                .filter(tasks_artifacts::id.eq_any(ids))
                .select((tasks_artifacts::id, tasks_artifacts::level))
                .load(conn)
                .await
        })?;
        levels.extend(
            found
                .into_iter()
                .map(|(id, level)| (ArtifactId::stored(&id), level)),
        );
    }
    Ok(levels)
}

/// A subtree, each after its parent, and brothers by age; one more than [`MAX_NODES`] at most.
pub(super) async fn subtree(
    conn: &mut Connection,
    id: ArtifactId,
) -> Result<Vec<Head>, ArtifactError> {
    let limit = i64::try_from(MAX_NODES)
        .unwrap_or(i64::MAX)
        .saturating_add(1);
    let sql = "WITH RECURSIVE sub (id) AS ( \
                   SELECT id FROM tasks_artifacts WHERE id = $1 \
                   UNION SELECT child.id FROM tasks_artifacts child JOIN sub ON child.parent_id = sub.id \
               ) SELECT a.id, a.parent_id, a.level, a.created_at, a.updated_at, a.tags, a.metadata, a.content_type, \
                   a.file_name, a.size, a.digest, a.object_key \
               FROM sub JOIN tasks_artifacts a ON a.id = sub.id ORDER BY a.level, a.created_at, a.id LIMIT $2";
    let id = id.to_string();
    Ok(with_conn!(conn, |conn| {
        diesel::sql_query(sql)
            .bind::<Text, _>(&id)
            .bind::<BigInt, _>(limit)
            .load(conn)
            .await
    })?)
}

#[derive(QueryableByName)]
struct Deepest {
    #[diesel(sql_type = diesel::sql_types::Nullable<Integer>)]
    level: Option<i32>,
}

/// Moves a whole subtree up or down.
pub(super) async fn shift_levels(
    conn: &mut Connection,
    root: &str,
    by: i32,
) -> Result<(), ArtifactError> {
    if by == 0 {
        return Ok(());
    }
    let sub = "WITH RECURSIVE sub (id) AS ( \
                   SELECT id FROM tasks_artifacts WHERE id = $1 \
                   UNION SELECT child.id FROM tasks_artifacts child JOIN sub ON child.parent_id = sub.id \
               )";
    if by > 0 {
        let sql = format!(
            "{sub} SELECT MAX(level) AS level FROM tasks_artifacts WHERE id IN (SELECT id FROM sub)"
        );
        let deepest: Deepest = with_conn!(conn, |conn| {
            diesel::sql_query(sql)
                .bind::<Text, _>(root)
                .get_result(conn)
                .await
        })?;
        let level = i64::from(deepest.level.unwrap_or_default()) + i64::from(by);
        if level > i64::from(MAX_LEVEL) {
            return Err(ArtifactError::TooDeep(level));
        }
    }
    let sql = format!(
        "{sub} UPDATE tasks_artifacts SET level = level + $2 WHERE id IN (SELECT id FROM sub)"
    );
    with_conn!(conn, |conn| {
        diesel::sql_query(sql)
            .bind::<Text, _>(root)
            .bind::<Integer, _>(by)
            .execute(conn)
            .await
    })?;
    Ok(())
}

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = BigInt)]
    found: i64,
}

/// Whether `ancestor` is `id` or above it.
pub(super) async fn is_below(
    conn: &mut Connection,
    id: ArtifactId,
    ancestor: ArtifactId,
) -> Result<bool, ArtifactError> {
    let sql = "WITH RECURSIVE up (id, parent_id) AS ( \
                   SELECT id, parent_id FROM tasks_artifacts WHERE id = $1 \
                   UNION SELECT a.id, a.parent_id FROM tasks_artifacts a JOIN up ON a.id = up.parent_id \
               ) SELECT COUNT(*) AS found FROM up WHERE id = $2";
    let (id, ancestor) = (id.to_string(), ancestor.to_string());
    let found: FoundRow = with_conn!(conn, |conn| {
        diesel::sql_query(sql)
            .bind::<Text, _>(&id)
            .bind::<Text, _>(&ancestor)
            .get_result(conn)
            .await
    })?;
    Ok(found.found > 0)
}
