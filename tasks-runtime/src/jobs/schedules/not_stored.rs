//! Schedules that the code of a service declares, and that the database has not taken yet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};

use super::row::ScheduleRow;

/// What is to be stored as soon as the database takes writes, by the id of the service.
#[derive(Default)]
pub(in crate::jobs) struct NotStoredSchedules(Mutex<BTreeMap<String, NotStored>>);

/// What one service declares.
#[derive(Clone)]
pub(super) struct NotStored {
    /// The id of its declaration.
    pub(super) id: String,
    /// When it would have been declared, in microseconds by the clock of the database: what others have declared later stays as they say.
    pub(super) started_at: i64,
    /// `None` for a service that declares none, whose former ones are to be removed.
    pub(super) rows: Option<Arc<[ScheduleRow]>>,
    /// Since when, and why.
    pub(super) since: DateTime<Utc>,
    pub(super) reason: String,
}

impl NotStoredSchedules {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, NotStored>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, owner: String, not_stored: NotStored) {
        self.lock().insert(owner, not_stored);
    }

    pub(super) fn remove(&self, owner: &str) {
        self.lock().remove(owner);
    }

    /// Why the last try to store those of a service failed.
    pub(super) fn failed(&self, owner: &str, reason: String) {
        if let Some(not_stored) = self.lock().get_mut(owner) {
            not_stored.reason = reason;
        }
    }

    pub(super) fn owners(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    pub(super) fn get(&self, owner: &str) -> Option<NotStored> {
        self.lock().get(owner).cloned()
    }

    /// What is to be said of it, as a sentence; nothing when all is stored.
    pub(in crate::jobs) fn warning(&self) -> Option<String> {
        let all = self.lock();
        let first = all.values().min_by_key(|not_stored| not_stored.since)?;
        let what = if first.rows.is_some() {
            "the schedules that the code declares are not stored"
        } else {
            "schedules that an earlier version declared are not removed"
        };
        Some(format!(
            "{what} since {}, and it is tried again every few seconds: {}",
            first.since.to_rfc3339_opts(SecondsFormat::Secs, true),
            first.reason
        ))
    }
}
