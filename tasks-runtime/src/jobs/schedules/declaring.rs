//! Schedules that the code of a service declares.
//!
//! While a new version takes the place of an old one, processes of both run and declare different schedules. Each process says in a row
//! which it declares, and renews that row for as long as it lives. What no living process declares is removed, unless it is paused; of two
//! that declare a schedule of one name, the one that started later says how it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::builder::Schedule;
use super::declaration::{
    Declaration, DeclarationRow, DeclaredSchedules, RenewalChanges, has_schedules,
    of_other_services, others, remove_undeclared,
};
use super::declaration_watch::{DeclarationWatch, Look};
use super::not_stored::NotStored;
use super::record::ScheduleRecord;
use super::row::{ScheduleRow, upsert};
use crate::database::DatabaseError;
use crate::jobs::error::JobError;
use crate::jobs::scheduler::Scheduler;
use crate::jobs::stored_text::storable;

/// How often it is tried again to store schedules while the database takes no writes.
const RETRY_PERIOD: Duration = Duration::from_secs(2);

/// Schedules that code declares.
impl Scheduler {
    /// Stores all schedules that the code of a service declares, and goes on declaring them until the [shutdown](Self::shutdown). `owner` is
    /// the id of the service.
    ///
    /// Processes of one service may declare different schedules, while a new version takes the place of an old one. There is what any of
    /// them declares; where two declare different schedules of one name, it is that of the process that started later. A schedule is
    /// removed, with a line in the log, when a process that runs has seen for three minutes that no process declares it: each says once a
    /// minute that it still does, and stores what is missing. One that is paused stays until it is deleted, or goes on. Schedules that were
    /// made by hand, and those of other services that share the database, stay.
    ///
    /// Called again, it declares the new schedules in place of the old ones, and removes at once what no other process declares. All of
    /// them are stored or, after an error, none.
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
    /// [`JobError::InvalidSchedule`] for one that cannot be, or is there twice; [`JobError::InvalidSchedules`] for several such ones; and when the
    /// database fails.
    pub async fn declare_schedules(
        &self,
        owner: &str,
        schedules: impl IntoIterator<Item = Schedule>,
    ) -> Result<Vec<ScheduleRecord>, JobError> {
        let schedules: Vec<Schedule> = schedules.into_iter().collect();
        self.refresh_clock().await?;
        let owner = storable(owner);
        let mut declared = self.declared().lock().await;
        let id = declared.id_of(&owner);
        let rows = rows(schedules, &owner, &id)?;
        let stored = self.store_declared(&mut declared, &owner, id, rows, None);
        let stored = stored.await?;
        drop(declared);
        Ok(stored
            .into_iter()
            .map(|row| row.record(|task, params| self.masked(task, params)))
            .collect())
    }

    /// Declares the schedules of a service that starts, or that it has none (`None`): an earlier version may have declared some, and where no
    /// process declares any nobody would remove them.
    ///
    /// While the database takes no writes, or is away, the service starts all the same: they are stored as soon as it does, and the
    /// [warnings](Self::warnings) say so until then.
    ///
    /// # Errors
    ///
    /// As [`declare_schedules`](Self::declare_schedules), but for a database that takes no writes for now.
    #[doc(hidden)]
    pub async fn declare_at_start(
        &self,
        owner: &str,
        schedules: Option<Vec<Schedule>>,
    ) -> Result<(), JobError> {
        let asked = self.refresh_clock().await;
        let owner = storable(owner);
        let mut declared = self.declared().lock().await;
        let id = declared.id_of(&owner);
        let rows = match schedules {
            Some(schedules) => Some(rows(schedules, &owner, &id)?),
            None => None,
        };
        let started_at = self.clock().now();
        let stored = match asked {
            Ok(()) => {
                self.declare_or_remove(&mut declared, &owner, &id, rows.as_ref(), None)
                    .await
            }
            Err(error) => Err(error),
        };
        drop(declared);
        let error = match stored {
            Err(JobError::Database(error)) if takes_no_writes_now(&error) => error,
            result => return result,
        };
        tracing::warn!(
            %error,
            service = owner,
            "the schedules that the service declares are not stored yet: they will be as soon as the database takes writes"
        );
        let not_stored = NotStored {
            id,
            started_at,
            rows,
            since: chrono::Utc::now(),
            reason: error.to_string(),
        };
        self.not_stored().add(owner, not_stored);
        self.spawn_periodic(RETRY_PERIOD, move |scheduler| async move {
            scheduler.store_what_is_declared().await
        });
        Ok(())
    }

    /// Stores what the database has not taken yet. Gives when to look again.
    async fn store_what_is_declared(&self) -> Duration {
        for owner in self.not_stored().owners() {
            let stored = async {
                self.refresh_clock().await?;
                let mut declared = self.declared().lock().await;
                // Somebody may have declared others meanwhile.
                let Some(NotStored {
                    id,
                    started_at,
                    rows,
                    ..
                }) = self.not_stored().get(&owner)
                else {
                    return Ok(());
                };
                self.declare_or_remove(&mut declared, &owner, &id, rows.as_ref(), Some(started_at))
                    .await
            };
            match stored.await {
                Ok(()) => {
                    self.not_stored().remove(&owner);
                    tracing::info!(
                        service = owner,
                        "the schedules that the service declares are stored"
                    );
                }
                Err(JobError::Database(DatabaseError::Closed)) => break,
                Err(error) => self.not_stored().failed(&owner, error.to_string()),
            }
        }
        if self.not_stored().owners().is_empty() {
            self.settings().declaration_renewal
        } else {
            RETRY_PERIOD
        }
    }

    /// Stores the schedules of a service, or, if it declares none, has those removed that an earlier version did.
    async fn declare_or_remove(
        &self,
        declared: &mut DeclaredSchedules,
        owner: &str,
        id: &str,
        rows: Option<&Arc<[ScheduleRow]>>,
        started_at: Option<i64>,
    ) -> Result<(), JobError> {
        let rows = match rows {
            Some(rows) => Arc::clone(rows),
            None if declared.by_owner.contains_key(owner) => return Ok(()),
            None => {
                let is_needed = self
                    .session()
                    .read(async |conn| has_schedules(conn, owner).await);
                if !is_needed.await? {
                    return Ok(());
                }
                Arc::default()
            }
        };
        self.store_declared(declared, owner, id.to_owned(), rows, started_at)
            .await?;
        Ok(())
    }

    /// Stores what a service declares, and goes on declaring it. `started_at` is when it would have done so, if that was earlier: what
    /// others have declared since stays as they say.
    async fn store_declared(
        &self,
        declared: &mut DeclaredSchedules,
        owner: &str,
        id: String,
        rows: Arc<[ScheduleRow]>,
        started_at: Option<i64>,
    ) -> Result<Vec<ScheduleRow>, JobError> {
        let known = declared.by_owner.get(owner);
        let before = known.map(Declaration::names).unwrap_or_default();
        let stored: Result<(Declaration, Vec<ScheduleRow>, RenewalChanges), JobError> = self
            .session()
            .transaction_with_retries(async |tx| {
                let now = self.clock().now();
                let others = others(tx, owner, &id).await?;
                let declaration = Declaration {
                    id: id.clone(),
                    owner: owner.to_owned(),
                    // The last of all, even if a clock was set back.
                    started_at: started_at.unwrap_or_else(|| {
                        others
                            .iter()
                            .map(|other| other.started_at.saturating_add(1))
                            .chain([now])
                            .max()
                            .unwrap_or(now)
                    }),
                    rows: Arc::clone(&rows),
                    renewed_at: known.map_or(now, |known| known.next_renewal(now)),
                    watch: known.map_or_else(
                        || {
                            DeclarationWatch::begin(
                                others.iter().map(DeclarationRow::last_word),
                                Instant::now(),
                            )
                        },
                        |known| known.watch.clone(),
                    ),
                    kept: known.map(|known| known.kept.clone()).unwrap_or_default(),
                };
                declaration.store(tx).await?;
                let taken_over = of_other_services(tx, &declaration).await?;
                let later = declaration.declared_later(&others);
                let mut stored = Vec::new();
                for row in rows.iter().filter(|row| !later.contains(&row.name)) {
                    stored.push(upsert(tx, row.clone()).await?.row);
                }
                // What others declared is not removed: who starts cannot know whether they live.
                let removed = if before.is_empty() {
                    Vec::new()
                } else {
                    let among = |name: &String| before.contains(name);
                    remove_undeclared(tx, &declaration, &Look::default(), among).await?
                };
                let changed = RenewalChanges {
                    removed,
                    taken_over,
                    ..RenewalChanges::default()
                };
                Ok((declaration, stored, changed))
            })
            .await;
        let (declaration, stored, changed) = stored?;
        changed.say(owner);
        self.not_stored().remove(owner);
        declared.by_owner.insert(owner.to_owned(), declaration);
        if !std::mem::replace(&mut declared.renewing, true) {
            let period = self.settings().declaration_renewal;
            self.spawn_periodic(period, move |scheduler| async move {
                scheduler.renew_declarations().await
            });
        }
        self.wake();
        Ok(stored)
    }
}

/// Whether nothing is wrong with what was to be written, and the same may succeed later.
fn takes_no_writes_now(error: &DatabaseError) -> bool {
    error.is_temporary() || error.is_read_only() || error.is_storage_full()
}

/// The rows of schedules, or all that is wrong with them.
fn rows(
    schedules: Vec<Schedule>,
    owner: &str,
    declaration: &str,
) -> Result<Arc<[ScheduleRow]>, JobError> {
    let (mut rows, mut errors): (Vec<ScheduleRow>, Vec<JobError>) = (Vec::new(), Vec::new());
    let mut names = BTreeSet::new();
    for schedule in schedules {
        let name = schedule.name().to_owned();
        let is_new = names.insert(name.clone());
        let row = schedule.row().and_then(|(row, _)| {
            if is_new {
                Ok(row)
            } else {
                Err(JobError::option("/name", "is declared twice"))
            }
        });
        match row {
            Ok(row) => rows.push(ScheduleRow {
                declared_by: Some(owner.to_owned()),
                declaration: Some(declaration.to_owned()),
                ..row
            }),
            Err(source) => errors.push(JobError::InvalidSchedule {
                name,
                source: Box::new(source),
            }),
        }
    }
    match (errors.len(), errors.pop()) {
        (1, Some(error)) => Err(error),
        (_, Some(last)) => {
            errors.push(last);
            Err(JobError::InvalidSchedules(errors))
        }
        (_, None) => Ok(rows.into()),
    }
}
