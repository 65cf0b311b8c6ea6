//! Declarations that are renewed: a process says again and again which schedules it declares, stores what is missing of them, and removes what
//! no living process declares.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::declaration::{
    Declaration, DeclarationRow, DeclaredSchedules, RenewalChanges, forget, others,
    paused_undeclared, remove_undeclared,
};
use crate::database::DatabaseError;
use crate::jobs::error::JobError;
use crate::jobs::scheduler::Scheduler;

impl Scheduler {
    /// Says that this process still declares what it does. Gives when to do so again.
    pub(super) async fn renew_declarations(&self) -> Duration {
        let period = self.settings().declaration_renewal;
        let mut declared = self.declared().lock().await;
        let DeclaredSchedules {
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

    async fn renew(&self, declaration: &mut Declaration) -> Result<RenewalChanges, JobError> {
        self.refresh_clock().await?;
        let now = self.clock().now();
        let renewed = Declaration {
            renewed_at: declaration.next_renewal(now),
            ..declaration.clone()
        };
        // By itself: whatever others have locked, this is said.
        let stored: Result<(), JobError> = self
            .session()
            .transaction_with_retries(async |tx| renewed.store(tx).await)
            .await;
        stored?;
        *declaration = renewed;
        let (owner, id) = (&declaration.owner, &declaration.id);
        let seen: Result<Vec<DeclarationRow>, JobError> = self
            .session()
            .read(async |conn| others(conn, owner, id).await)
            .await;
        let look = declaration.watch.look(
            seen?.iter().map(DeclarationRow::last_word),
            Instant::now(),
            self.settings().declaration_renewal,
        );
        let own = &*declaration;
        let changed: Result<(RenewalChanges, BTreeSet<String>), JobError> = self
            .session()
            .transaction_with_retries(async |tx| {
                let mut others = others(tx, &own.owner, &own.id).await?;
                others.retain(|other| !other.is_gone(&look));
                let stored = own.put_back(tx, &others, now).await?;
                let mut changed = RenewalChanges {
                    stored,
                    ..RenewalChanges::default()
                };
                let mut kept = BTreeSet::new();
                if look.judges {
                    forget(tx, &look).await?;
                    changed.removed = remove_undeclared(tx, own, &look, |_| true).await?;
                    kept.extend(paused_undeclared(tx, own, &look).await?);
                    changed.kept = kept.difference(&own.kept).cloned().collect();
                }
                Ok((changed, kept))
            })
            .await;
        let (changed, kept) = changed?;
        if look.judges {
            declaration.kept = kept;
        }
        Ok(changed)
    }
}
