//! Schedules that the code of a service declares.
//!
//! While a new version takes the place of an old one, processes of both run and declare different schedules. Each process says in a row
//! which it declares, and renews that row for as long as it lives. What no living process declares is removed; of two that declare a
//! schedule of one name, the one that started later says how it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ulid::Ulid;

use super::builder::Schedule;
use super::record::ScheduleRecord;
use super::recurrence::Recurrence;
use super::row::{Row, find, lock, tasks_schedules, upsert};
use crate::database::{Connection, DatabaseError};
use crate::jobs::error::JobError;
use crate::jobs::scheduler::Scheduler;
use crate::jobs::text::storable;
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

/// After how many renewals that did not come a process is taken for gone.
const MISSED: i64 = 3;

/// What this process declares, by the id of the service.
#[derive(Default)]
pub(in crate::jobs) struct Declared {
    by_owner: BTreeMap<String, Declaration>,
    /// Whether they are renewed already.
    renewing: bool,
    /// Whether the last renewal failed.
    failing: bool,
}

/// What this process declares for one service. Times are those of the database.
#[derive(Clone)]
struct Declaration {
    id: String,
    owner: String,
    started_at: i64,
    rows: Arc<[Row]>,
    /// Since when it has been renewed without a gap: only then had others the time to renew theirs.
    unbroken_since: i64,
    renewed_at: i64,
}

/// A declaration as it is stored.
#[derive(Queryable)]
struct Stored {
    id: String,
    started_at: i64,
    renewed_at: i64,
    schedules: String,
}

impl Stored {
    fn names(&self) -> BTreeSet<String> {
        serde_json::from_str(&self.schedules).unwrap_or_default()
    }
}

/// What a renewal changed.
#[derive(Default)]
struct Changed {
    stored: Vec<String>,
    removed: Vec<String>,
}

/// Schedules that code declares.
impl Scheduler {
    /// Stores all schedules that the code of a service declares, and goes on declaring them until the [shutdown](Self::shutdown). `owner` is
    /// the id of the service.
    ///
    /// Processes of one service may declare different schedules, while a new version takes the place of an old one. There is what any of
    /// them declares; where two declare different schedules of one name, it is that of the process that started later. A schedule is
    /// removed, with a line in the log, when no process has declared it for three minutes: each says once a minute that it still does, and
    /// stores what is missing. Schedules that were made by hand, and those of other services that share the database, stay.
    ///
    /// Called again, it declares the new schedules in place of the old ones. All of them are stored or, after an error, none.
    ///
    /// ```
    /// use tasks_runtime::jobs::{Jobs, Scheduler};
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// async fn report(kind: String) -> String {
    ///     format!("the {kind} report")
    /// }
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let database = Database::sqlite_in_memory().connect().await?;
    /// let scheduler = Scheduler::new(&database, Jobs::new());
    /// let executor = tasks_runtime::testing::executor([task(report)]).provide(scheduler.clone()).build()?;
    /// scheduler.attach(&executor);
    /// let nightly = scheduler.schedule("nightly", call!(report, kind = "nightly")).cron("30 2 * * *");
    /// let weekly = scheduler.schedule("weekly", call!(report, kind = "weekly")).cron("0 3 * * MON");
    /// scheduler.declare_schedules("reports", [nightly, weekly]).await?;
    /// assert_eq!(scheduler.schedules().await?.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`JobError::Schedule`] for one that cannot be, or is there twice, and when the database fails.
    pub async fn declare_schedules(
        &self,
        owner: &str,
        schedules: impl IntoIterator<Item = Schedule>,
    ) -> Result<Vec<ScheduleRecord>, JobError> {
        let schedules: Vec<Schedule> = schedules.into_iter().collect();
        self.refresh_clock().await?;
        let owner = storable(owner);
        let mut declared = self.declared().lock().await;
        let id = declared
            .by_owner
            .get(&owner)
            .map_or_else(|| Ulid::new().to_string(), |known| known.id.clone());
        let rows = rows(schedules, &owner, &id)?;
        let grace = self.grace();
        let stored: Result<(Declaration, Vec<Row>, Changed), JobError> = self
            .session()
            .retry_transaction(async |tx| {
                let now = self.clock().now();
                let others = others(tx, &owner, &id).await?;
                let declaration = Declaration {
                    id: id.clone(),
                    owner: owner.clone(),
                    // The last of all, even if a clock was set back.
                    started_at: others
                        .iter()
                        .map(|other| other.started_at.saturating_add(1))
                        .chain([now])
                        .max()
                        .unwrap_or(now),
                    rows: Arc::clone(&rows),
                    unbroken_since: now,
                    renewed_at: now,
                };
                declaration.store(tx).await?;
                let mut stored = Vec::new();
                for row in rows.iter() {
                    stored.push(upsert(tx, row.clone()).await?);
                }
                let living = still_living(tx, others, now.saturating_sub(grace)).await?;
                let removed = remove_undeclared(tx, &declaration, &living).await?;
                let changed = Changed {
                    removed,
                    ..Changed::default()
                };
                Ok((declaration, stored, changed))
            })
            .await;
        let (declaration, stored, changed) = stored?;
        changed.say(&owner);
        declared.by_owner.insert(owner, declaration);
        if !std::mem::replace(&mut declared.renewing, true) {
            let period = self.settings().declaration_renewal;
            self.now_and_then(period, move |scheduler| async move {
                scheduler.renew_declarations().await
            });
        }
        drop(declared);
        self.wake();
        Ok(stored
            .into_iter()
            .map(|row| row.record(|task, params| self.masked(task, params)))
            .collect())
    }

    /// How long a declaration is good for without a renewal, in microseconds.
    fn grace(&self) -> i64 {
        self.renewal().saturating_mul(MISSED)
    }

    fn renewal(&self) -> i64 {
        i64::try_from(self.settings().declaration_renewal.as_micros()).unwrap_or(i64::MAX)
    }

    /// Says that this process still declares what it does. Gives when to do so again.
    async fn renew_declarations(&self) -> Duration {
        let period = self.settings().declaration_renewal;
        let mut declared = self.declared().lock().await;
        let Declared {
            by_owner, failing, ..
        } = &mut *declared;
        for declaration in by_owner.values_mut() {
            match self.renew(declaration).await {
                Ok(changed) => {
                    *failing = false;
                    if !changed.stored.is_empty() {
                        self.wake();
                    }
                    changed.say(&declaration.owner);
                }
                Err(JobError::Database(DatabaseError::Closed)) => return period,
                Err(error) => {
                    // Once: it is tried again soon.
                    if !std::mem::replace(failing, true) {
                        tracing::warn!(
                            %error,
                            service = declaration.owner,
                            "the database was not told that this process still declares its schedules"
                        );
                    }
                    return period / 6;
                }
            }
        }
        period
    }

    async fn renew(&self, declaration: &mut Declaration) -> Result<Changed, JobError> {
        self.refresh_clock().await?;
        let (renewal, grace) = (self.renewal(), self.grace());
        let known = declaration.clone();
        let renewed: Result<(Declaration, Changed), JobError> = self
            .session()
            .retry_transaction(async |tx| {
                let now = self.clock().now();
                let gap = now.saturating_sub(known.renewed_at);
                let renewed = Declaration {
                    renewed_at: now,
                    unbroken_since: if gap > renewal.saturating_mul(2) {
                        now
                    } else {
                        known.unbroken_since
                    },
                    ..known.clone()
                };
                renewed.store(tx).await?;
                let mut others = others(tx, &known.owner, &known.id).await?;
                // After an outage it is not known of the others whether they are there.
                let judges = now.saturating_sub(renewed.unbroken_since) >= grace;
                if judges {
                    others = still_living(tx, others, now.saturating_sub(grace)).await?;
                }
                let changed = Changed {
                    stored: renewed.put_back(tx, &others, now).await?,
                    removed: if judges {
                        remove_undeclared(tx, &renewed, &others).await?
                    } else {
                        Vec::new()
                    },
                };
                Ok((renewed, changed))
            })
            .await;
        let (renewed, changed) = renewed?;
        *declaration = renewed;
        Ok(changed)
    }
}

/// The rows of schedules, if all is well with them.
fn rows(schedules: Vec<Schedule>, owner: &str, declaration: &str) -> Result<Arc<[Row]>, JobError> {
    let mut rows: Vec<Row> = Vec::new();
    for schedule in schedules {
        let name = schedule.name().to_owned();
        let wrong = |source: JobError| JobError::Schedule {
            name: name.clone(),
            source: Box::new(source),
        };
        let (row, _) = schedule.row().map_err(wrong)?;
        if rows.iter().any(|other| other.name == name) {
            return Err(wrong(JobError::option("/name", "is declared twice")));
        }
        rows.push(Row {
            declared_by: Some(owner.to_owned()),
            declaration: Some(declaration.to_owned()),
            ..row
        });
    }
    Ok(rows.into())
}

impl Declaration {
    /// Writes it down, or that it still holds.
    async fn store(&self, conn: &mut Connection) -> Result<(), JobError> {
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
    async fn put_back(
        &self,
        conn: &mut Connection,
        others: &[Stored],
        now: i64,
    ) -> Result<Vec<String>, JobError> {
        let later: BTreeSet<String> = others
            .iter()
            .filter(|other| other.started_at > self.started_at)
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
async fn others(conn: &mut Connection, owner: &str, id: &str) -> Result<Vec<Stored>, JobError> {
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
async fn still_living(
    conn: &mut Connection,
    others: Vec<Stored>,
    before: i64,
) -> Result<Vec<Stored>, JobError> {
    let (living, gone): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|other| other.renewed_at >= before);
    for other in gone {
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

/// Removes the schedules of the service that none of these declares. Gives their names.
async fn remove_undeclared(
    conn: &mut Connection,
    own: &Declaration,
    others: &[Stored],
) -> Result<Vec<String>, JobError> {
    let mut names: BTreeSet<String> = others.iter().flat_map(Stored::names).collect();
    names.extend(own.rows.iter().map(|row| row.name.clone()));
    let undeclared: Vec<Row> = with_conn!(conn, |conn| {
        tasks_schedules::table
            .filter(tasks_schedules::declared_by.eq(&own.owner))
            .filter(tasks_schedules::name.ne_all(&names))
            .select(Row::as_select())
            .load(conn)
            .await
    })?;
    let mut removed = Vec::new();
    for seen in undeclared {
        lock(conn, &seen.name).await?;
        // A process that started meanwhile may declare it.
        let still = find(conn, &seen.name).await?.is_some_and(|row| {
            (&row.declared_by, &row.declaration) == (&seen.declared_by, &seen.declaration)
        });
        if still {
            with_conn!(conn, |conn| {
                diesel::delete(tasks_schedules::table.find(&seen.name))
                    .execute(conn)
                    .await
            })?;
            removed.push(seen.name);
        }
    }
    Ok(removed)
}

impl Changed {
    fn say(self, service: &str) {
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
