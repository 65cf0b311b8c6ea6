//! The table of artifacts, row by row.

use crate::artifacts::id::ArtifactId;
use chrono::Utc;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;

use super::body::StoredBody;
use super::filter::ArtifactFilter;
use super::page::Cursor;
use super::table::{Head, tasks_artifacts};
use super::tree_rows::{is_below, level_below, lock_shape, shift_levels};
use super::{Artifact, ArtifactError, ContentInfo};
use crate::database::{Backend, Connection, search};
use crate::with_conn;

/// How many artifacts are searched for a text: the newest ones.
const MAX_SEARCHED: usize = 100_000;
/// How long metadata may be that is searched, in bytes.
const MAX_METADATA: usize = 8192;

/// An artifact that is checked and whose content is in its place.
#[derive(Debug)]
pub(super) struct PreparedArtifact {
    pub(super) id: ArtifactId,
    pub(super) parent_id: Option<ArtifactId>,
    pub(super) tags: String,
    pub(super) metadata: String,
    /// `None` keeps what is there.
    pub(super) stored: Option<StoredBody>,
}

impl PreparedArtifact {
    /// The object that is written already.
    pub(super) fn object_key(&self) -> Option<&str> {
        match &self.stored {
            Some(StoredBody::Object(key, _)) => Some(key),
            _ => None,
        }
    }
}

/// The columns that hold the data, of which one is filled.
#[derive(AsChangeset, Default, Insertable)]
#[diesel(table_name = tasks_artifacts, treat_none_as_null = true)]
pub(super) struct Columns<'a> {
    pub(super) content_type: Option<&'a str>,
    pub(super) file_name: Option<&'a str>,
    pub(super) size: Option<i64>,
    pub(super) digest: Option<&'a str>,
    object_key: Option<&'a str>,
    pub(super) data: Option<&'a str>,
    content: Option<&'a [u8]>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(stored: &'a StoredBody) -> Self {
        match stored {
            StoredBody::Json(json) => Self {
                data: Some(json.as_str()),
                ..Self::default()
            },
            StoredBody::Inline(bytes, info) => Self {
                content: Some(bytes),
                ..Self::known(info)
            },
            StoredBody::Object(key, info) => Self {
                object_key: Some(key),
                ..Self::known(info)
            },
        }
    }

    fn known(info: &'a ContentInfo) -> Self {
        Self {
            content_type: Some(&info.content_type),
            file_name: info.file_name.as_deref(),
            size: Some(i64::try_from(info.size).unwrap_or(i64::MAX)),
            digest: Some(&info.digest),
            ..Self::default()
        }
    }
}

/// In microseconds.
pub(super) fn now() -> i64 {
    Utc::now().timestamp_micros()
}

pub(super) async fn find(
    conn: &mut Connection,
    id: ArtifactId,
) -> Result<Option<Artifact>, ArtifactError> {
    let row: Option<(Head, Option<String>)> = with_conn!(conn, |conn| {
        tasks_artifacts::table
            .find(id.to_string())
            .select((Head::as_select(), tasks_artifacts::data))
            .first(conn)
            .await
            .optional()
    })?;
    Ok(row.map(|(head, data)| head.artifact(data)))
}

pub(super) async fn head(
    conn: &mut Connection,
    id: ArtifactId,
) -> Result<Option<Head>, ArtifactError> {
    Ok(with_conn!(conn, |conn| {
        tasks_artifacts::table
            .find(id.to_string())
            .select(Head::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// The row and all that is in it.
pub(super) type Whole = (Head, Option<String>, Option<Vec<u8>>);

pub(super) async fn whole(
    conn: &mut Connection,
    id: ArtifactId,
) -> Result<Option<Whole>, ArtifactError> {
    Ok(with_conn!(conn, |conn| {
        tasks_artifacts::table
            .find(id.to_string())
            .select((
                Head::as_select(),
                tasks_artifacts::data,
                tasks_artifacts::content,
            ))
            .first(conn)
            .await
            .optional()
    })?)
}

/// The list, with what a filter keeps of it.
macro_rules! kept {
    ($backend:expr, $filter:expr) => {{
        let mut query = tasks_artifacts::table.into_boxed();
        if let Some(tag) = &$filter.tag {
            let (has_tag, tag, end) = has_tag($backend, tag);
            query = query.filter(sql::<Bool>(has_tag).bind::<Text, _>(tag).sql(end));
        }
        if let Some(text) = &$filter.search {
            let like = search::like($backend);
            let inside = search::inside_json(text);
            let in_json = search::containing(&inside);
            // Many clients send ASCII alone, and what they have sent is kept.
            let escaped = search::ascii_json(&inside).unwrap_or(inside);
            query = query.filter(
                sql::<Bool>(&format!(
                    "tasks_artifacts.created_at >= COALESCE((SELECT newest.created_at FROM tasks_artifacts AS newest \
                     ORDER BY newest.created_at DESC LIMIT 1 OFFSET {}), 0) AND (tasks_artifacts.file_name {like} ",
                    MAX_SEARCHED - 1
                ))
                .bind::<Text, _>(search::containing(text))
                .sql(&format!(" ESCAPE '!' OR tasks_artifacts.tags {like} "))
                .bind::<Text, _>(in_json.clone())
                .sql(&format!(
                    " ESCAPE '!' OR (octet_length(tasks_artifacts.metadata) <= {MAX_METADATA} AND (tasks_artifacts.metadata {like} "
                ))
                .bind::<Text, _>(in_json)
                .sql(&format!(" ESCAPE '!' OR tasks_artifacts.metadata {like} "))
                .bind::<Text, _>(search::containing(&escaped))
                .sql(" ESCAPE '!')))"),
            );
        }
        query
    }};
}

/// The condition that an artifact has a tag, with the value that stands between its parts.
fn has_tag(backend: Backend, tag: &str) -> (&'static str, String, &'static str) {
    match backend {
        Backend::Sqlite => (
            "EXISTS (SELECT 1 FROM json_each(tasks_artifacts.tags) WHERE value = ",
            tag.to_owned(),
            ")",
        ),
        Backend::Postgres => (
            "CAST(tasks_artifacts.tags AS JSONB) @> CAST(",
            serde_json::to_string(&[tag]).unwrap_or_default(),
            " AS JSONB)",
        ),
    }
}

/// How many there are.
pub(super) async fn count(
    conn: &mut Connection,
    filter: &ArtifactFilter,
) -> Result<u64, ArtifactError> {
    let backend = conn.backend();
    let count: i64 = with_conn!(conn, |conn| {
        kept!(backend, filter).count().get_result(conn).await
    })?;
    Ok(count.unsigned_abs())
}

/// Oldest first.
pub(super) async fn list(
    conn: &mut Connection,
    filter: &ArtifactFilter,
    after: Option<Cursor>,
    offset: i64,
    limit: i64,
) -> Result<Vec<Head>, ArtifactError> {
    let after = after.map_or((i64::MIN, String::new()), |cursor| {
        (cursor.created_at, cursor.id.to_string())
    });
    let backend = conn.backend();
    Ok(with_conn!(conn, |conn| {
        use tasks_artifacts::{created_at, id};
        kept!(backend, filter)
            .filter(
                created_at
                    .gt(after.0)
                    .or(created_at.eq(after.0).and(id.gt(&after.1))),
            )
            .order((created_at, id))
            .offset(offset)
            .limit(limit)
            .select(Head::as_select())
            .load(conn)
            .await
    })?)
}

/// Those of some objects that a row refers to.
pub(super) async fn known_keys(
    conn: &mut Connection,
    keys: &[String],
) -> Result<Vec<Option<String>>, ArtifactError> {
    Ok(with_conn!(conn, |conn| {
        tasks_artifacts::table
            .filter(tasks_artifacts::object_key.eq_any(keys))
            .select(tasks_artifacts::object_key)
            .load(conn)
            .await
    })?)
}

/// An object that some row refers to.
pub(super) async fn any_key(
    conn: &mut Connection,
) -> Result<Option<(String, String)>, ArtifactError> {
    use tasks_artifacts::object_key;
    let found: Option<(String, Option<String>)> = with_conn!(conn, |conn| {
        tasks_artifacts::table
            .filter(object_key.is_not_null())
            // By its index: names of objects are not in the order of time.
            .order(object_key.desc())
            .select((tasks_artifacts::id, object_key))
            .first(conn)
            .await
            .optional()
    })?;
    Ok(found.and_then(|(id, key)| Some((id, key?))))
}

/// Objects that rows refer to, in the order of their names, and the artifacts that have them.
pub(super) async fn keys_after(
    conn: &mut Connection,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, String)>, ArtifactError> {
    use tasks_artifacts::object_key;
    let found: Vec<(String, Option<String>)> = with_conn!(conn, |conn| {
        tasks_artifacts::table
            .filter(object_key.gt(after))
            .order(object_key)
            .limit(limit)
            .select((tasks_artifacts::id, object_key))
            .load(conn)
            .await
    })?;
    let with_key = |(id, key): (String, Option<String>)| Some((id, key?));
    Ok(found.into_iter().filter_map(with_key).collect())
}

/// Replaces a row. Gives the object that is not needed any more, if it had one.
///
/// With one that was `seen`, only if the row is still like that.
pub(super) async fn update(
    conn: &mut Connection,
    new: &PreparedArtifact,
    seen: Option<&Artifact>,
    now: i64,
) -> Result<Option<String>, ArtifactError> {
    lock_shape(conn, true).await?;
    let current = head(conn, new.id)
        .await?
        .ok_or(ArtifactError::NotFound(new.id))?;
    current.check_seen(seen)?;
    let (id, parent) = (new.id.to_string(), new.parent_id.map(|id| id.to_string()));
    if parent != current.parent_id {
        let level = match new.parent_id {
            None => 0,
            Some(parent) => {
                let level = level_below(conn, parent).await?;
                if is_below(conn, parent, new.id).await? {
                    return Err(ArtifactError::Cycle { id: new.id, parent });
                }
                level
            }
        };
        shift_levels(conn, &id, level - current.level).await?;
    }
    let head = (
        tasks_artifacts::parent_id.eq(parent.as_deref()),
        tasks_artifacts::updated_at.eq(now.max(current.updated_at + 1)),
        tasks_artifacts::tags.eq(&new.tags),
        tasks_artifacts::metadata.eq(&new.metadata),
    );
    let row = diesel::update(tasks_artifacts::table.find(&id));
    match &new.stored {
        None if current.content_type.is_none() => return Err(ArtifactError::NoData),
        None => with_conn!(conn, |conn| row.set(head).execute(conn).await)?,
        Some(stored) => {
            let set = (head, Columns::of(stored));
            with_conn!(conn, |conn| row.set(set).execute(conn).await)?
        }
    };
    Ok(current.object_key.filter(|_| new.stored.is_some()))
}

/// Deletes a row; its children become roots. Gives the object that it had.
///
/// With one that was `seen`, only if the row is still like that.
pub(super) async fn delete(
    conn: &mut Connection,
    id: ArtifactId,
    seen: Option<&Artifact>,
    now: i64,
) -> Result<Option<String>, ArtifactError> {
    lock_shape(conn, true).await?;
    let current = head(conn, id).await?.ok_or(ArtifactError::NotFound(id))?;
    current.check_seen(seen)?;
    let text = id.to_string();
    let children: Vec<String> = with_conn!(conn, |conn| {
        tasks_artifacts::table
            .filter(tasks_artifacts::parent_id.eq(&text))
            .select(tasks_artifacts::id)
            .load(conn)
            .await
    })?;
    if !children.is_empty() {
        // The whole tree at once, and then the artifact itself is not in it any more.
        shift_levels(conn, &text, -(current.level + 1)).await?;
        with_conn!(conn, |conn| {
            diesel::update(tasks_artifacts::table.filter(tasks_artifacts::parent_id.eq(&text)))
                .set((
                    tasks_artifacts::parent_id.eq(None::<String>),
                    tasks_artifacts::updated_at.eq(now),
                ))
                .execute(conn)
                .await
        })?;
    }
    with_conn!(conn, |conn| diesel::delete(
        tasks_artifacts::table.find(&text)
    )
    .execute(conn)
    .await)?;
    Ok(current.object_key)
}
