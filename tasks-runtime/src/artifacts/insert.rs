//! New artifacts: where each is in its tree, and their rows.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::rows::{Columns, PreparedArtifact};
use super::table::{Head, tasks_artifacts};
use super::tree_rows::{level_under, levels, lock_shape};
use super::{Artifact, ArtifactError};
use crate::artifacts::id::ArtifactId;
use crate::database::{Connection, ConnectionKind};

/// A statement of PostgreSQL has 65,535 values at most.
#[cfg(feature = "postgres")]
const BATCH_SIZE: usize = 1000;

/// A row to be written.
#[derive(Insertable)]
#[diesel(table_name = tasks_artifacts)]
struct NewRow<'a> {
    id: String,
    parent_id: Option<String>,
    level: i32,
    created_at: i64,
    updated_at: i64,
    tags: &'a str,
    metadata: &'a str,
    #[diesel(embed)]
    columns: Columns<'a>,
}

impl NewRow<'_> {
    fn artifact(&self) -> Artifact {
        let known = &self.columns;
        let head = Head {
            id: self.id.clone(),
            parent_id: self.parent_id.clone(),
            level: self.level,
            created_at: self.created_at,
            updated_at: self.updated_at,
            tags: self.tags.to_owned(),
            metadata: self.metadata.to_owned(),
            content_type: known.content_type.map(str::to_owned),
            file_name: known.file_name.map(str::to_owned),
            size: known.size,
            digest: known.digest.map(str::to_owned),
            object_key: None,
        };
        head.artifact(known.data.map(str::to_owned))
    }
}

/// Writes a new row. `now` is in microseconds.
pub(super) async fn insert(
    conn: &mut Connection,
    new: &PreparedArtifact,
    now: i64,
) -> Result<Artifact, ArtifactError> {
    let saved = insert_all(conn, std::slice::from_ref(new), now).await?;
    saved.into_iter().next().ok_or(ArtifactError::NoData)
}

/// Writes new rows, each a microsecond later than the one before: their order is that of the list. One may be the parent of another that comes
/// after it.
pub(super) async fn insert_all(
    conn: &mut Connection,
    all: &[PreparedArtifact],
    now: i64,
) -> Result<Vec<Artifact>, ArtifactError> {
    let parents: HashSet<ArtifactId> = all.iter().filter_map(|new| new.parent_id).collect();
    let mut levels = if parents.is_empty() {
        HashMap::new()
    } else {
        lock_shape(conn, false).await?;
        levels(conn, &parents).await?
    };
    let mut seen = HashSet::new();
    let mut rows = Vec::with_capacity(all.len());
    for (new, index) in all.iter().zip(0..) {
        if !seen.insert(new.id) {
            return Err(ArtifactError::AlreadyExists(new.id));
        }
        let level = match new.parent_id {
            None => 0,
            Some(parent) => level_under(levels.get(&parent).copied(), parent)?,
        };
        levels.insert(new.id, level);
        let Some(stored) = &new.stored else {
            return Err(ArtifactError::NoData);
        };
        rows.push(NewRow {
            id: new.id.to_string(),
            parent_id: new.parent_id.map(|id| id.to_string()),
            level,
            created_at: now + index,
            updated_at: now + index,
            tags: &new.tags,
            metadata: &new.metadata,
            columns: Columns::of(stored),
        });
    }
    write(conn, &rows).await?;
    Ok(rows.iter().map(NewRow::artifact).collect())
}

async fn write(conn: &mut Connection, rows: &[NewRow<'_>]) -> Result<(), ArtifactError> {
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            for row in rows {
                let inserted = diesel::insert_into(tasks_artifacts::table)
                    .values(row)
                    .on_conflict_do_nothing()
                    .execute(conn)
                    .await?;
                if inserted == 0 {
                    return Err(taken(&row.id));
                }
            }
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            // One row is always the same statement, which stays prepared.
            if let [row] = rows {
                let inserted = diesel::insert_into(tasks_artifacts::table)
                    .values(row)
                    .on_conflict_do_nothing()
                    .execute(conn)
                    .await?;
                return if inserted == 0 {
                    Err(taken(&row.id))
                } else {
                    Ok(())
                };
            }
            for rows in rows.chunks(BATCH_SIZE) {
                let inserted: Vec<String> = diesel::insert_into(tasks_artifacts::table)
                    .values(rows)
                    .on_conflict_do_nothing()
                    .returning(tasks_artifacts::id)
                    .get_results(conn)
                    .await?;
                if inserted.len() < rows.len() {
                    let inserted: HashSet<&String> = inserted.iter().collect();
                    let missing = rows.iter().find(|row| !inserted.contains(&row.id));
                    return Err(missing.map_or(ArtifactError::NoData, |row| taken(&row.id)));
                }
            }
        }
    }
    Ok(())
}

fn taken(id: &str) -> ArtifactError {
    ArtifactError::AlreadyExists(ArtifactId::stored(id))
}
