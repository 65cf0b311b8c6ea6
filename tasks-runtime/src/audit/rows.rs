//! The table of the audit log.

use std::time::SystemTime;
#[cfg(feature = "postgres")]
use std::time::{Duration, UNIX_EPOCH};

use chrono::DateTime;
#[cfg(feature = "postgres")]
use diesel::dsl::sql;
use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use super::entry::{AuditEntry, AuditFilter, AuditId, NewAuditEntry};
use crate::database::{Connection, ConnectionKind, DatabaseError};
use crate::text::cut;
use crate::with_conn;

/// How many entries are deleted at once.
const PRUNED: i64 = 10_000;
/// How many bytes of a text are kept.
const MAX_TEXT: usize = 512;

diesel::table! {
    tasks_audit_log (id) {
        id -> Text,
        key_name -> Nullable<Text>,
        address -> Text,
        operation -> Text,
        path -> Text,
        status -> Integer,
        request_id -> Nullable<Text>,
    }
}

/// A text as it is stored: PostgreSQL has none with such a character, and none is longer than that.
fn text(text: &str) -> String {
    let mut stored = text.replace('\0', "\u{fffd}");
    cut(&mut stored, MAX_TEXT);
    stored
}

pub(super) async fn insert(
    conn: &mut Connection,
    entry: &NewAuditEntry,
) -> Result<(), DatabaseError> {
    let row = (
        tasks_audit_log::id.eq(AuditId::new().to_string()),
        tasks_audit_log::key_name.eq(entry.key.as_deref().map(text)),
        tasks_audit_log::address.eq(text(&entry.address)),
        tasks_audit_log::operation.eq(text(&entry.operation)),
        tasks_audit_log::path.eq(text(&entry.path)),
        tasks_audit_log::status.eq(i32::from(entry.status)),
        tasks_audit_log::request_id.eq(entry.request_id.as_deref().map(text)),
    );
    with_conn!(conn, |conn| {
        diesel::insert_into(tasks_audit_log::table)
            .values(row)
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// What time it is for the database, if it has a clock of its own.
pub(super) async fn now(conn: &mut Connection) -> Result<Option<SystemTime>, DatabaseError> {
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(_) => Ok(None),
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            let seconds = diesel::select(sql::<BigInt>(
                "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)",
            ));
            let seconds: i64 = seconds.get_result(conn).await?;
            Ok(UNIX_EPOCH.checked_add(Duration::from_secs(seconds.unsigned_abs())))
        }
    }
}

/// Deletes the oldest entries, as many as one transaction should, and says whether there may be more.
pub(super) async fn prune(conn: &mut Connection, oldest: AuditId) -> Result<bool, DatabaseError> {
    let old = diesel::alias!(tasks_audit_log as old);
    let deleted = with_conn!(conn, |conn| {
        let id = old.field(tasks_audit_log::id);
        let ids = old
            .filter(id.lt(oldest.to_string()))
            .order(id)
            .limit(PRUNED)
            .select(id);
        diesel::delete(tasks_audit_log::table.filter(tasks_audit_log::id.eq_any(ids)))
            .execute(conn)
            .await
    })?;
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX) >= PRUNED)
}

type Row = (
    String,
    Option<String>,
    String,
    String,
    String,
    i32,
    Option<String>,
);

pub(super) async fn list(
    conn: &mut Connection,
    filter: &AuditFilter,
    limit: i64,
) -> Result<Vec<AuditEntry>, DatabaseError> {
    let AuditFilter {
        key,
        operation,
        path,
        before,
    } = filter;
    let rows: Vec<Row> = with_conn!(conn, |conn| {
        let mut query = tasks_audit_log::table.into_boxed();
        if let Some(key) = key {
            query = query.filter(tasks_audit_log::key_name.eq(text(key)));
        }
        if let Some(operation) = operation {
            query = query.filter(tasks_audit_log::operation.eq(text(operation)));
        }
        if let Some(path) = path {
            query = query.filter(tasks_audit_log::path.eq(text(path)));
        }
        if let Some(before) = before {
            query = query.filter(tasks_audit_log::id.lt(before.to_string()));
        }
        query
            .order(tasks_audit_log::id.desc())
            .limit(limit)
            .load(conn)
            .await
    })?;
    Ok(rows.into_iter().map(entry).collect())
}

fn entry((id, key, address, operation, path, status, request_id): Row) -> AuditEntry {
    let id = AuditId::stored(&id);
    AuditEntry {
        id,
        at: DateTime::from(id.created_at()),
        key,
        address,
        operation,
        path,
        status: u16::try_from(status).unwrap_or_default(),
        request_id,
    }
}
