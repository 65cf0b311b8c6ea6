//! Runs the closures of sessions: their transactions begin and end here, within the limits of the database.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::async_closure::{AsyncClosure, RepeatableClosure};
use super::backend::Backend;
use super::connection::{Connection, Transaction};
use super::error::DatabaseError;
use super::handle::Database;
use super::transaction_mode::TransactionMode;

tokio::task_local! {
    /// The database in whose transaction the code runs.
    static INSIDE: usize;
}

#[allow(
    clippy::manual_async_fn,
    reason = "the signatures promise that the futures are `Send`"
)]
impl Database {
    /// Refuses code that runs in a transaction of this database.
    pub(crate) fn check_outside(&self) -> Result<(), DatabaseError> {
        match INSIDE.try_with(|inside| *inside == self.identity()) {
            Ok(true) => Err(DatabaseError::NestedTransaction),
            _ => Ok(()),
        }
    }

    /// Runs a closure that reads, for at most `limit`, of which `extra` is for one large value.
    pub(super) fn read_within<'a, T, E, F>(
        &'a self,
        limit: Option<Duration>,
        extra: Option<Duration>,
        closure: F,
    ) -> impl Future<Output = Result<T, E>> + Send + 'a
    where
        for<'c> F: AsyncFnOnce(&'c mut Connection) -> Result<T, E>
            + AsyncClosure<&'c mut Connection, Result<T, E>, Running: Send>
            + Send
            + 'a,
        T: Send + 'a,
        E: From<DatabaseError> + Send + 'a,
    {
        async move {
            let mut connection = self.reader().await?;
            let (expired, awaiting) = (connection.expired(), connection.awaiting());
            let begun = AtomicBool::new(false);
            let work = async {
                connection.begin(TransactionMode::Read).await?;
                begun.store(true, Ordering::Relaxed);
                if let Some(extra) = extra {
                    connection.extend_limits(extra).await?;
                }
                closure(&mut connection).await
            };
            let result = self
                .within(work, expired, limit, awaiting, "read", "read_timeout")
                .await
                .map_err(|error| self.ended(error, begun.load(Ordering::Relaxed)))?;
            // Nothing was written: there is nothing to keep.
            if self.end(&mut connection, false).await.is_ok() {
                connection.give_back();
            }
            result
        }
    }

    /// Runs a closure again while the database asks to repeat what has failed, up to 8 times.
    pub(super) fn repeat<'a, T, E, F>(
        &'a self,
        closure: F,
        mode: TransactionMode,
    ) -> impl Future<Output = Result<T, E>> + Send + 'a
    where
        for<'c> F: AsyncFn(&'c mut Transaction) -> Result<T, E>
            + RepeatableClosure<&'c mut Transaction, Result<T, E>, Running: Send>
            + Send
            + Sync
            + 'a,
        T: Send + 'a,
        E: From<DatabaseError> + Send + 'a,
    {
        const ATTEMPTS: u32 = 8;
        async move {
            let mut attempt = 1;
            loop {
                let (result, asked) = self.attempt(&closure, mode, None).await;
                if result.is_ok() || !asked || attempt == ATTEMPTS {
                    return result;
                }
                tokio::time::sleep(pause_before(attempt)).await;
                attempt += 1;
            }
        }
    }

    /// Runs a closure once. Says as well whether the database asks to repeat what has failed.
    pub(super) async fn attempt<T, E, F>(
        &self,
        closure: F,
        mode: TransactionMode,
        extra: Option<Duration>,
    ) -> (Result<T, E>, bool)
    where
        for<'c> F: AsyncFnOnce(&'c mut Transaction) -> Result<T, E>
            + AsyncClosure<&'c mut Transaction, Result<T, E>, Running: Send>
            + Send,
        T: Send,
        E: From<DatabaseError> + Send,
    {
        let failed = |error: DatabaseError| (Err(error.into()), false);
        let identity = self.identity();
        if let Err(error) = self.check_outside() {
            return failed(error);
        }
        if let Err(error) = self.check_unchanged().await {
            return failed(error);
        }
        let limit = self.settings().transaction_timeout;
        let limit = limit.map(|limit| limit + extra.unwrap_or_default());
        let mut transaction = match self.writer().await {
            Ok(connection) => Transaction::new(connection),
            Err(error) => return failed(error),
        };
        let (expired, awaiting) = (transaction.expired(), transaction.awaiting());
        let begun = AtomicBool::new(false);
        let work = INSIDE.scope(identity, async {
            transaction
                .begin(mode)
                .await
                .map_err(|error| self.locked(error))?;
            begun.store(true, Ordering::Relaxed);
            if let Some(extra) = extra {
                transaction.extend_limits(extra).await?;
            }
            closure(&mut transaction).await
        });
        let done = self
            .within(
                work,
                expired,
                limit,
                awaiting,
                "transaction",
                "transaction_timeout",
            )
            .await;
        let result = match done {
            Ok(result) => result,
            Err(error) => return failed(self.ended(error, begun.load(Ordering::Relaxed))),
        };
        let (mut connection, committed) = transaction.into_parts();
        let ended = self.end(&mut connection, result.is_ok()).await;
        let asked = connection.asks_to_repeat();
        match (result, ended) {
            (Ok(value), Ok(())) => {
                connection.give_back();
                committed.into_iter().for_each(|tell| tell());
                (Ok(value), false)
            }
            (Ok(_), Err(error)) => (Err(error.into()), asked),
            (Err(error), ended) => {
                if ended.is_ok() {
                    connection.give_back();
                }
                (Err(error), asked)
            }
        }
    }

    /// Ends the transaction of a closure. The server limits neither statement by itself when it is frozen or out of reach.
    async fn end(&self, connection: &mut Connection, commit: bool) -> Result<(), DatabaseError> {
        const MAX_ROLLBACK: Duration = Duration::from_secs(5);
        let limit = match (self.backend(), commit) {
            (Backend::Sqlite, _) => None,
            (Backend::Postgres, true) => self.settings().statement_timeout,
            (Backend::Postgres, false) => Some(MAX_ROLLBACK),
        };
        let Some(limit) = limit else {
            return connection.end(commit).await;
        };
        match tokio::time::timeout(limit, connection.end(commit)).await {
            Ok(ended) => ended,
            Err(_) => Err(DatabaseError::CommitTimeout { limit }),
        }
    }

    /// What it means when a transaction cannot begin: our own wait for each other before.
    fn locked(&self, error: DatabaseError) -> DatabaseError {
        if error.is_locked() {
            return DatabaseError::Locked {
                waited: self.settings().acquire_timeout,
            };
        }
        error
    }

    /// What it means when the time of a closure is up that has not begun.
    fn ended(&self, error: DatabaseError, begun: bool) -> DatabaseError {
        let DatabaseError::TransactionTimeout { limit, what, .. } = &error else {
            return error;
        };
        if begun {
            return error;
        }
        #[cfg(feature = "postgres")]
        if self.backend() == Backend::Postgres {
            let reason = format!("it has not answered within {limit:?}");
            return self.unavailable(reason);
        }
        // SQLite has readers who wait for nobody, and one writer.
        if *what == "read" {
            return error;
        }
        DatabaseError::Locked { waited: *limit }
    }

    /// Ends the work when its time is up.
    async fn within<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>>,
        expired: impl Future<Output = ()>,
        limit: Option<Duration>,
        awaiting: impl Fn() -> bool,
        what: &'static str,
        setting: &'static str,
    ) -> Result<Result<T, E>, DatabaseError> {
        let time_is_up = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            result = work => Ok(result),
            () = expired => Err(DatabaseError::StatementTimeout {
                limit: self.settings().statement_timeout.unwrap_or_default(),
            }),
            () = time_is_up => Err(DatabaseError::TransactionTimeout {
                what,
                limit: limit.unwrap_or_default(),
                setting,
                waited: awaiting(),
            }),
        }
    }
}

/// From milliseconds to a fifth of a second, at random, so that those who were in each other's way do not meet again.
fn pause_before(attempt: u32) -> Duration {
    const MAX_MS: u64 = 200;
    let most = 5_u64.saturating_mul(1 << attempt.min(10)).min(MAX_MS);
    // The low bits of a ULID are random ones.
    let random = u64::try_from(ulid::Ulid::new().random() & 0xffff_ffff).unwrap_or_default();
    Duration::from_millis(1 + random % most)
}
