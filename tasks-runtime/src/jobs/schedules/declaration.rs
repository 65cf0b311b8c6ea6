//! What processes declare, as it is stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ulid::Ulid;

use super::declaration_watch::{DeclarationWatch, Look};
use super::recurrence::Recurrence;
use super::row::{ScheduleRow, find, tasks_schedules, upsert};
use crate::database::{Connection, ConnectionKind};
use crate::jobs::error::JobError;
use crate::with_conn;

/// How many declarations that nobody renews are deleted at once.
const BATCH_SIZE: usize = 500;

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
pub(in crate::jobs) struct DeclaredSchedules {
    pub(super) by_owner: BTreeMap<String, Declaration>,
    /// Whether they are renewed already.
    pub(super) renewing: bool,
    /// Whether the last renewal failed.
    pub(super) failing: bool,
}

impl DeclaredSchedules {
    /// The id of what this process declares for a service, or will.
    pub(super) fn id_of(&self, owner: &str) -> String {
        let known = self.by_owner.get(owner);
        known.map_or_else(|| Ulid::new().to_string(), |known| known.id.clone())
    }
}

/// What this process declares for one service. Times in microseconds are those of the database.
#[derive(Clone)]
pub(super) struct Declaration {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) started_at: i64,
    pub(super) rows: Arc<[ScheduleRow]>,
    pub(super) renewed_at: i64,
    /// The declarations of other processes.
    pub(super) watch: DeclarationWatch,
    /// Schedules that nobody declares and that stay, of which the log says so already.
    pub(super) kept: BTreeSet<String>,
}

/// A declaration as it is stored.
#[derive(Queryable)]
pub(super) struct DeclarationRow {
    pub(super) id: String,
    pub(super) started_at: i64,
    pub(super) renewed_at: i64,
    pub(super) schedules: String,
}

impl DeclarationRow {
    /// The id, and when it was last renewed.
    pub(super) fn last_word(&self) -> (String, i64) {
        (self.id.clone(), self.renewed_at)
    }

    pub(super) fn is_gone(&self, look: &Look) -> bool {
        look.is_gone(&self.id, self.renewed_at)
    }

    fn names(&self) -> BTreeSet<String> {
        serde_json::from_str(&self.schedules).unwrap_or_default()
    }
}

/// What a renewal changed.
#[derive(Default)]
pub(super) struct RenewalChanges {
    pub(super) stored: Vec<String>,
    pub(super) removed: Vec<String>,
    /// Those that nobody declares, and that stay because they are paused.
    pub(super) kept: Vec<String>,
    /// Those that another service declared, and that service.
    pub(super) taken_over: Vec<(String, String)>,
}

impl Declaration {
    /// The time of its next renewal: another than before, even if the clock stands still.
    pub(super) fn next_renewal(&self, now: i64) -> i64 {
        now.max(self.renewed_at.saturating_add(1))
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        self.rows.iter().map(|row| row.name.clone()).collect()
    }

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

    /// The names of what processes declare that started later, and so say how it is.
    pub(super) fn declared_later(&self, others: &[DeclarationRow]) -> BTreeSet<String> {
        others
            .iter()
            .filter(|other| (other.started_at, &other.id) > (self.started_at, &self.id))
            .flat_map(DeclarationRow::names)
            .collect()
    }

    /// Stores those schedules that are missing, and those that are as a process has them that is gone, unless another process says how they
    /// are. Gives their names.
    pub(super) async fn put_back(
        &self,
        conn: &mut Connection,
        others: &[DeclarationRow],
        now: i64,
    ) -> Result<Vec<String>, JobError> {
        let later = self.declared_later(others);
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
                let new = ScheduleRow {
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
) -> Result<Vec<DeclarationRow>, JobError> {
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

/// Those of the schedules that another service declares, and that service.
pub(super) async fn of_other_services(
    conn: &mut Connection,
    own: &Declaration,
) -> Result<Vec<(String, String)>, JobError> {
    let all: Vec<(String, Option<String>)> = with_conn!(conn, |conn| {
        tasks_schedules::table
            .filter(tasks_schedules::name.eq_any(own.names()))
            .filter(tasks_schedules::declared_by.ne(&own.owner))
            .select((tasks_schedules::name, tasks_schedules::declared_by))
            .load(conn)
            .await
    })?;
    let all = all.into_iter();
    Ok(all
        .filter_map(|(name, service)| Some((name, service?)))
        .collect())
}

/// Whether there are schedules that the code of a service declared.
pub(super) async fn has_schedules(conn: &mut Connection, owner: &str) -> Result<bool, JobError> {
    let first: Option<String> = with_conn!(conn, |conn| {
        tasks_schedules::table
            .filter(tasks_schedules::declared_by.eq(owner))
            .select(tasks_schedules::name)
            .first(conn)
            .await
            .optional()
    })?;
    Ok(first.is_some())
}

/// Deletes the declarations that nobody renews.
pub(super) async fn forget(conn: &mut Connection, look: &Look) -> Result<(), JobError> {
    let ids: Vec<&String> = look.gone.keys().take(BATCH_SIZE).collect();
    if ids.is_empty() {
        return Ok(());
    }
    macro_rules! gone {
        () => {
            tasks_declarations::table
                .filter(tasks_declarations::id.eq_any(&ids))
                .select((tasks_declarations::id, tasks_declarations::renewed_at))
        };
    }
    let mut free: Vec<(String, i64)> = match conn.kind() {
        // A transaction is alone.
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => gone!().load(conn).await?,
        // A process that is paused inside of a transaction has its row locked, and is not waited for.
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => gone!().for_update().skip_locked().load(conn).await?,
    };
    free.retain(|(id, renewed_at)| look.is_gone(id, *renewed_at));
    let free: Vec<String> = free.into_iter().map(|(id, _)| id).collect();
    with_conn!(conn, |conn| {
        diesel::delete(tasks_declarations::table.filter(tasks_declarations::id.eq_any(&free)))
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Removes the schedules of the service that no process declares, if they are `among` these, and gives their names. One that is paused
/// stays: it does not run, and somebody's pause would be lost if it came back.
pub(super) async fn remove_undeclared(
    conn: &mut Connection,
    own: &Declaration,
    look: &Look,
    among: impl Fn(&String) -> bool,
) -> Result<Vec<String>, JobError> {
    let names = declared(conn, own, look).await?;
    let mut undeclared = locked_but_for(conn, &own.owner, &names).await?;
    undeclared.retain(among);
    if undeclared.is_empty() {
        return Ok(undeclared);
    }
    // A process that started until they were locked may declare them; one that starts from now on waits for them.
    let names = declared(conn, own, look).await?;
    undeclared.retain(|name| !names.contains(name));
    with_conn!(conn, |conn| {
        diesel::delete(tasks_schedules::table.filter(tasks_schedules::name.eq_any(&undeclared)))
            .execute(conn)
            .await
    })?;
    Ok(undeclared)
}

/// The schedules of the service that no process declares, and that are paused.
pub(super) async fn paused_undeclared(
    conn: &mut Connection,
    own: &Declaration,
    look: &Look,
) -> Result<Vec<String>, JobError> {
    let names = declared(conn, own, look).await?;
    Ok(with_conn!(conn, |conn| {
        tasks_schedules::table
            .filter(tasks_schedules::declared_by.eq(&own.owner))
            .filter(tasks_schedules::paused.ne(0))
            .filter(tasks_schedules::name.ne_all(&names))
            .select(tasks_schedules::name)
            .load(conn)
            .await
    })?)
}

/// The names of what this process declares, and others that live.
async fn declared(
    conn: &mut Connection,
    own: &Declaration,
    look: &Look,
) -> Result<BTreeSet<String>, JobError> {
    let others = others(conn, &own.owner, &own.id).await?;
    let living = others.iter().filter(|other| !other.is_gone(look));
    let mut names: BTreeSet<String> = living.flat_map(DeclarationRow::names).collect();
    names.extend(own.names());
    Ok(names)
}

/// Keeps the schedules of a service as they are until the transaction ends, but for these, and those that are paused. Gives their names; not
/// of those that others have locked.
async fn locked_but_for(
    conn: &mut Connection,
    owner: &str,
    names: &BTreeSet<String>,
) -> Result<Vec<String>, JobError> {
    macro_rules! undeclared {
        () => {
            tasks_schedules::table
                .filter(tasks_schedules::declared_by.eq(owner))
                .filter(tasks_schedules::paused.eq(0))
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

impl RenewalChanges {
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
        for schedule in self.kept {
            tracing::warn!(
                schedule,
                service,
                "a schedule stays because it is paused: no process of the service that runs declares it; delete it if it is not wanted any more"
            );
        }
        for (schedule, other_service) in self.taken_over {
            tracing::warn!(
                schedule,
                service,
                other_service,
                "another service declared a schedule of this name, and it is that of this service now: if both run, give one of the schedules another name"
            );
        }
    }
}
