//! What the database contributes to a service.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use tasks_runtime::{Database, DatabaseError};

use super::problem::words_of_change;
use crate::health_checks::HealthChecks;
use crate::hooks::Hook;
use crate::monitoring::{DATABASE_CONNECTION_WAITERS, DATABASE_CONNECTIONS};
use crate::part::{Part, ScrapeHook};

/// The health of the database, and its end.
pub(crate) fn part(database: &Database) -> Part {
    let (checked, closed) = (database.clone(), database.clone());
    let mut part = Part::new("database").provide(database.clone());
    part.on_scrape = Some(on_scrape(database));
    part.checks = HealthChecks::new().check("database", move || {
        let database = checked.clone();
        async move {
            database.ping().await.map_err(|error| words_for(&error))?;
            match database.write_failure().await {
                None => Ok(()),
                Some(failure) => {
                    let since = DateTime::<Utc>::from(failure.since);
                    let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
                    Err(format!("{}, since {since}", failure.reason))
                }
            }
        }
    });
    part.shutdown = Some(Hook::new(move || {
        let database = closed.clone();
        async move {
            database.close().await;
            Ok::<(), std::convert::Infallible>(())
        }
    }));
    part
}

/// What everybody may know of an error of the database: where it is, is for the log.
fn words_for(error: &DatabaseError) -> String {
    tracing::warn!(%error, "the database is not healthy");
    let words = match error {
        DatabaseError::Changed(change) => return words_of_change(*change),
        DatabaseError::Unavailable { .. } => "the database cannot be reached",
        DatabaseError::Busy { .. } => "all connections of the database are in use",
        DatabaseError::Closed => "the database is closed",
        DatabaseError::TransactionTimeout { .. }
        | DatabaseError::StatementTimeout { .. }
        | DatabaseError::CommitTimeout { .. } => "the database does not answer in time",
        DatabaseError::Locked { .. } => "the database is locked by another program",
        _ => "the database fails",
    };
    words.to_owned()
}

/// Records the connections.
fn on_scrape(database: &Database) -> ScrapeHook {
    let database = database.clone();
    Arc::new(move || {
        let pool = database.pool_status();
        let set = |state: &'static str, count: usize| {
            metrics::gauge!(DATABASE_CONNECTIONS.name, "state" => state).set(count as f64);
        };
        set("idle", pool.idle);
        set("used", pool.size.saturating_sub(pool.idle));
        metrics::gauge!(DATABASE_CONNECTION_WAITERS.name).set(pool.waiting as f64);
    })
}
