//! Adds what this process has counted to the table, and forgets what is old.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::figures::{Figures, Row};
use super::levels::Level;
use super::store;
use crate::database::Session;
use crate::jobs::error::JobError;

/// How often to look for figures that are old.
const PRUNE_INTERVAL: Duration = Duration::from_secs(600);
/// How many rows one transaction adds.
const BATCH_SIZE: usize = 2000;
/// How many steps are forgotten in one go.
const MAX_PRUNES: usize = 100;

/// What a process adds, batch by batch.
#[derive(Debug)]
pub(in crate::jobs) struct Writer {
    /// Names the process in the table of writers.
    id: String,
    /// The number of the next batch, from 1.
    next: i64,
    /// Batches that are to be added. The first may have been added, or not: it is sent as it was.
    pending: VecDeque<Vec<Row>>,
    pruned: Option<Instant>,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            id: ulid::Ulid::new().to_string(),
            next: 1,
            pending: VecDeque::new(),
            pruned: None,
        }
    }
}

impl Writer {
    /// Adds all that was counted.
    pub(in crate::jobs) async fn write(
        &mut self,
        session: &Session,
        figures: &Figures,
        now: i64,
    ) -> Result<(), JobError> {
        loop {
            while let Some(rows) = self.pending.front() {
                let batch = (self.id.as_str(), self.next);
                let added: Result<(), JobError> = session
                    .transaction_with_retries(async |tx| store::add(tx, batch, rows, now).await)
                    .await;
                added?;
                self.pending.pop_front();
                self.next += 1;
            }
            // Figures stay with those who count until earlier ones are through: that many there are at most.
            let rows = figures.take();
            if rows.is_empty() {
                return Ok(());
            }
            self.pending
                .extend(rows.chunks(BATCH_SIZE).map(<[Row]>::to_vec));
        }
    }

    /// Forgets what is old, now and then.
    pub(in crate::jobs) async fn prune(
        &mut self,
        session: &Session,
        retention: Option<Duration>,
        now: i64,
    ) -> Result<(), JobError> {
        if self
            .pruned
            .is_some_and(|last| last.elapsed() < PRUNE_INTERVAL)
        {
            return Ok(());
        }
        self.pruned = Some(Instant::now());
        let before = |level: Level| level.kept_since(retention, now);
        for _ in 0..MAX_PRUNES {
            let old: Option<(Level, i64)> = session
                .read(async |conn| store::any_before(conn, before).await)
                .await?;
            let Some((level, oldest)) = old else {
                break;
            };
            let pruned: Result<(), JobError> = session
                .transaction_with_retries(async |tx| {
                    store::prune(tx, level, oldest, before(level)).await
                })
                .await;
            pruned?;
        }
        if self.next == 1 {
            // Who only looks writes nothing.
            return Ok(());
        }
        session
            .transaction_with_retries(async |tx| store::prune_writers(tx, now).await)
            .await
    }
}
