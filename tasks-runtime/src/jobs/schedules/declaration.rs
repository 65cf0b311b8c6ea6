//! What processes declare, as it is stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::recurrence::Recurrence;
use super::row::{Row, find, tasks_schedules, upsert};
use crate::database::{Connection, ConnectionKind};
use crate::jobs::error::JobError;
use crate::with_conn;

diesel::table! {
    tasks_declarations (id) {
        id -> Text,
        declared_by -> Text,
        started_at -> BigInt,
        renewed_at -> BigInt,
        schedules -> Text,
    }
}

/// What this process declares, by the id of the service.
#[derive(Default)]
pub(in crate::jobs) struct Declared {
    pub(super) by_owner: BTreeMap<String, Declaration>,
    /// Whether they are renewed already.
    pub(super) renewing: bool,
    /// Whether the last renewal failed.
    pub(super) failing: bool,
}

/// What this process declares for one service. Times are those of the database.
#[derive(Clone)]
pub(super) struct Declaration {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) started_at: i64,
    pub(super) rows: Arc<[Row]>,
    /// Since when it has been renewed without a gap: only then had others the time to renew theirs.
    pub(super) unbroken_since: i64,
    pub(super) renewed_at: i64,
}

/// A declaration as it is stored.
#[derive(Queryable)]
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) started_at: i64,
    pub(super) renewed_at: i64,
    pub(super) schedules: String,
}

impl Stored {
    fn names(&self) -> BTreeSet<String> {
        serde_json::from_str(&self.schedules).unwrap_or_default()
    }
}

/// What a renewal changed.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) stored: Vec<String>,
    pub(super) removed: Vec<String>,
}

impl Declaration {
    /// Writes it down, or that it still holds.
    pub(super) async fn store(&self, conn: &mut Connection) -> Result<(), JobError> {
        let names: Vec<&str> = self.rows.iter().map(|row| row.name.as_str()).collect();
        let names = serde_json::to_string(&names).unwrap_or_default();
        let changes = (
            tasks_declarations::started_at.eq(self.started_at),
            tasks_declarations::renewed_at.eq(self.renewed_at),
            tasks_declarations::schedules.eq(&names),
        );
        with_conn!(conn, |conn| {
            diesel::insert_into(tasks_declarations::table)
                .values((
                    tasks_declarations::id.eq(&self.id),
                    tasks_declarations::declared_by.eq(&self.owner),
                    changes,
                ))
                .on_conflict(tasks_declarations::id)
                .do_update()
                .set(changes)
                .execute(conn)
                .await
        })?;
        Ok(())
    }

    /// Stores those schedules that are missing, and those that are as a process has them that is gone, unless another process says how they
    /// are. Gives their names.
    pub(super) async fn put_back(
        &self,
        conn: &mut Connection,
        others: &[Stored],
        now: i64,
    ) -> Result<Vec<String>, JobError> {
        let later: BTreeSet<String> = others
            .iter()
            .filter(|other| (other.started_at, &other.id) > (self.started_at, &self.id))
            .flat_map(Stored::names)
            .collect();
        let mut stored = Vec::new();
        for row in self.rows.iter().filter(|row| !later.contains(&row.name)) {
            let known = find(conn, &row.name).await?;
            let is_to_be_stored = match &known {
                None => true,
                // What somebody else has made of this name is theirs until the next start.
                Some(known) => {
                    known.declared_by == row.declared_by && known.declaration != row.declaration
                }
            };
            if is_to_be_stored {
                let recurrence = row.recurrence();
                let next = match &recurrence {
                    // It may have been, and was removed.
                    Some(Recurrence::Once(at)) => Some(*at).filter(|at| *at > now),
                    Some(recurrence) => recurrence.next(now, None),
                    None => None,
                };
                let new = Row {
                    created_at: now,
                    next_run_at: next,
                    ..row.clone()
                };
                upsert(conn, new).await?;
                stored.push(row.name.clone());
            }
        }
        Ok(stored)
    }
}

/// What other processes declare for a service.
pub(super) async fn others(
    conn: &mut Connection,
    owner: &str,
    id: &str,
) -> Result<Vec<Stored>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_declarations::table
            .filter(tasks_declarations::declared_by.eq(owner))
            .filter(tasks_declarations::id.ne(id))
            .select((
                tasks_declarations::id,
                tasks_declarations::started_at,
                tasks_declarations::renewed_at,
                tasks_declarations::schedules,
            ))
            .load(conn)
            .await
    })?)
}

/// Forgets the declarations that were last renewed before a time, and gives the others.
pub(super) async fn still_living(
    conn: &mut Connection,
    others: Vec<Stored>,
    since: i64,
) -> Result<Vec<Stored>, JobError> {
    let (living, gone): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|other| other.renewed_at >= since);
    for other in gone {
        if !is_free(conn, &other.id).await? {
            continue;
        }
        with_conn!(conn, |conn| {
            diesel::delete(
                tasks_declarations::table
                    .find(&other.id)
                    .filter(tasks_declarations::renewed_at.eq(other.renewed_at)),
            )
            .execute(conn)
            .await
        })?;
    }
    Ok(living)
}

/// Whether nobody has the row of a declaration locked. A process that is paused inside of a transaction does, and is not waited for.
pub(super) async fn is_free(conn: &mut Connection, id: &str) -> Result<bool, JobError> {
    match conn.kind() {
        // A transaction is alone.
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(_) => {
            let _ = id;
            Ok(true)
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => Ok(tasks_declarations::table
            .find(id)
            .select(tasks_declarations::id)
            .for_update()
            .skip_locked()
            .first::<String>(conn)
            .await
            .optional()?
            .is_some()),
    }
}

/// Removes the schedules of the service that no process declares that has said so since a time. Gives their names.
pub(super) async fn remove_undeclared(
    conn: &mut Connection,
    own: &Declaration,
    since: i64,
) -> Result<Vec<String>, JobError> {
    let names = declared(conn, own, since).await?;
    let mut undeclared = locked_but_for(conn, &own.owner, &names).await?;
    if undeclared.is_empty() {
        return Ok(undeclared);
    }
    // A process that started until they were locked may declare them; one that starts from now on waits for them.
    let names = declared(conn, own, since).await?;
    undeclared.retain(|name| !names.contains(name));
    with_conn!(conn, |conn| {
        diesel::delete(tasks_schedules::table.filter(tasks_schedules::name.eq_any(&undeclared)))
            .execute(conn)
            .await
    })?;
    Ok(undeclared)
}

/// The names of what this process declares, and others that have said so since a time.
pub(super) async fn declared(
    conn: &mut Connection,
    own: &Declaration,
    since: i64,
) -> Result<BTreeSet<String>, JobError> {
    let others = others(conn, &own.owner, &own.id).await?;
    let living = others.iter().filter(|other| other.renewed_at >= since);
    let mut names: BTreeSet<String> = living.flat_map(Stored::names).collect();
    names.extend(own.rows.iter().map(|row| row.name.clone()));
    Ok(names)
}

/// Keeps the schedules of a service as they are until the transaction ends, but for these. Gives their names; not of those that others have
/// locked.
pub(super) async fn locked_but_for(
    conn: &mut Connection,
    owner: &str,
    names: &BTreeSet<String>,
) -> Result<Vec<String>, JobError> {
    macro_rules! undeclared {
        () => {
            tasks_schedules::table
                .filter(tasks_schedules::declared_by.eq(owner))
                .filter(tasks_schedules::name.ne_all(names))
                .select(tasks_schedules::name)
        };
    }
    Ok(match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => undeclared!().load(conn).await?,
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            undeclared!().for_update().skip_locked().load(conn).await?
        }
    })
}

impl Changed {
    pub(super) fn say(self, service: &str) {
        for schedule in self.stored {
            tracing::info!(
                schedule,
                service,
                "a schedule was stored as the code of this process declares it: it was missing, or as a process had it that is gone"
            );
        }
        for schedule in self.removed {
            tracing::warn!(
                schedule,
                service,
                "a schedule was removed: no process of the service that runs declares it"
            );
        }
    }
}
