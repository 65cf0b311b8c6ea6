//! What several streams show: it is read once for all of them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

/// A value of the database that is read again when it is too old for somebody.
pub(super) struct SharedRead<T, E> {
    latest: watch::Sender<Option<Reading<T, E>>>,
    /// Held by the one that reads.
    turn: Mutex<()>,
}

struct Reading<T, E> {
    value: Result<Arc<T>, E>,
    began: Instant,
    took: Duration,
}

impl<T, E> Default for SharedRead<T, E> {
    fn default() -> Self {
        Self {
            latest: watch::channel(None).0,
            turn: Mutex::new(()),
        }
    }
}

impl<T, E: Clone> SharedRead<T, E> {
    /// The value, unless it began to be read longer ago than `age`: then it is read again, by one of those who want it. What went
    /// wrong is told to all as well.
    pub(super) async fn get(
        &self,
        age: Duration,
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        if let Some(value) = self.known(age) {
            return value;
        }
        // Whoever is dropped meanwhile leaves the turn to the next.
        let _turn = self.turn.lock().await;
        if let Some(value) = self.known(age) {
            return value;
        }
        let began = Instant::now();
        let value = read.await.map(Arc::new);
        self.latest.send_replace(Some(Reading {
            value: value.clone(),
            began,
            took: began.elapsed(),
        }));
        value
    }

    fn known(&self, age: Duration) -> Option<Result<Arc<T>, E>> {
        let latest = self.latest.borrow();
        let reading = latest.as_ref()?;
        (reading.began.elapsed() <= age).then(|| reading.value.clone())
    }

    /// How long the database took the last time.
    pub(super) fn took(&self) -> Duration {
        let latest = self.latest.borrow();
        latest.as_ref().map_or(Duration::ZERO, |read| read.took)
    }

    /// Hears of it when somebody has read it.
    pub(super) fn subscribe(&self) -> Updates<T, E> {
        Updates(self.latest.subscribe())
    }
}

/// Tells when a value was read again.
pub(super) struct Updates<T, E>(watch::Receiver<Option<Reading<T, E>>>);

impl<T, E> Updates<T, E> {
    /// Waits until somebody else has read the value.
    pub(super) async fn updated(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What was read until now is known.
    pub(super) fn mark_seen(&mut self) {
        self.0.mark_unchanged();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_reads_for_all() {
        let shared = Arc::new(SharedRead::default());
        let reads = Arc::new(AtomicU32::new(0));
        let read = |age: u64| {
            let (shared, reads) = (Arc::clone(&shared), Arc::clone(&reads));
            async move {
                let read = async {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    Ok::<u32, ()>(reads.fetch_add(1, Ordering::Relaxed))
                };
                shared.get(Duration::from_millis(age), read).await
            }
        };
        let all = futures_util::future::join_all((0..20).map(|_| read(1000))).await;
        assert!(all.iter().all(|value| value.as_deref() == Ok(&0)));
        assert_eq!(shared.took(), Duration::from_millis(10));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(read(1000).await.as_deref(), Ok(&0));
        assert_eq!(read(100).await.as_deref(), Ok(&1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_said_to_all_and_one_that_gives_up_blocks_nobody() {
        let shared = SharedRead::<u32, ()>::default();
        let age = Duration::from_secs(1);
        let stuck = shared.get(age, std::future::pending::<Result<u32, ()>>());
        assert!(
            tokio::time::timeout(Duration::from_secs(5), stuck)
                .await
                .is_err()
        );
        assert_eq!(shared.get(age, async { Err(()) }).await, Err(()));
        // Nobody asks a database again that has just failed.
        assert_eq!(shared.get(age, async { Ok(1) }).await, Err(()));
        tokio::time::advance(Duration::from_secs(2)).await;
        let read = shared.get(age, async { Ok(1) }).await;
        assert_eq!(read.as_deref(), Ok(&1));
    }
}
