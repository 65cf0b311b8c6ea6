//! Reads and transactions.

use std::time::Duration;

use super::async_closure::{AsyncClosure, RepeatableClosure};
use super::connection::{Connection, Transaction};
use super::error::DatabaseError;
use super::handle::Database;
use super::transaction_mode::TransactionMode;
use crate::inject::{Injectable, Injection, Injector, Requirements};

/// Access to a database that holds no connection: injected into tasks that have a parameter of this type, wherever a
/// [`Database`] is provided.
///
/// Both kinds of closure return a `Result` of any error that is made from a [`DatabaseError`]: `anyhow::Error`, diesel's
/// own, one of the app. Where the compiler cannot tell which, the closure's last line does: `Ok::<_, anyhow::Error>(…)`.
///
/// A closure that is not done within the limits of the [`DatabaseBuilder`](super::DatabaseBuilder) is ended. So it does
/// nothing but work with the database: what is slow comes before or after.
#[derive(Clone, Debug)]
pub struct Session {
    database: Database,
}

impl Database {
    /// A session, for code outside of tasks.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }
}

// Not recommended so that the compiler lists all other injectable types: of more than nine it leaves out some, and
// which ones depends on the path of the workspace.
#[diagnostic::do_not_recommend]
impl Injectable for Session {
    fn requires(requirements: &mut Requirements) {
        Database::requires(requirements);
    }

    fn inject(injector: &Injector<'_>) -> Injection<Self> {
        Database::inject(injector).map(Self::new)
    }
}

#[allow(
    clippy::manual_async_fn,
    reason = "the signatures promise that the futures are `Send`"
)]
impl Session {
    fn new(database: Database) -> Self {
        Self { database }
    }

    /// The database it belongs to.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Lends a connection that sees the database as it is at one moment, and cannot write.
    ///
    /// ```
    /// use diesel::prelude::*;
    /// use tasks_runtime::database::RunQueryDsl;
    /// use tasks_runtime::prelude::*;
    ///
    /// diesel::table! {
    ///     users (id) { id -> BigInt, name -> Text }
    /// }
    ///
    /// #[task]
    /// async fn first_users(session: Session) -> anyhow::Result<Vec<String>> {
    ///     let names = session
    ///         .read(async |conn| {
    ///             with_conn!(conn, |conn| users::table.select(users::name).limit(10).load(conn).await)
    ///         })
    ///         .await?;
    ///     Ok(names)
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// What the closure returns; and a [`DatabaseError`] when no connection can be had, or the closure takes too long.
    pub fn read<'a, T, E, F>(&'a self, closure: F) -> impl Future<Output = Result<T, E>> + Send + 'a
    where
        for<'c> F: AsyncFnOnce(&'c mut Connection) -> Result<T, E>
            + AsyncClosure<&'c mut Connection, Result<T, E>, Running: Send>
            + Send
            + 'a,
        T: Send + 'a,
        E: From<DatabaseError> + Send + 'a,
    {
        async move {
            self.database.check_unchanged().await?;
            self.read_unchecked(closure).await
        }
    }

    /// [`read`](Self::read), even of a database that is not the one that was opened.
    pub(super) fn read_unchecked<'a, T, E, F>(
        &'a self,
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
        self.database
            .read_within(self.database.settings().read_timeout, None, closure)
    }

    /// [`read`](Self::read) of one large value, which may take longer than others by this.
    pub(crate) fn read_large<'a, T, E, F>(
        &'a self,
        extra: Duration,
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
            self.database.check_unchanged().await?;
            let limit = self.database.settings().read_timeout;
            let limit = limit.map(|limit| limit + extra);
            self.database.read_within(limit, Some(extra), closure).await
        }
    }

    /// Lends a connection that may write. When the closure returns `Ok`, what it did is kept, all of it; otherwise it is
    /// undone.
    ///
    /// A transaction inside of another one, of the same database, is refused at once: pass the `tx` on instead.
    ///
    /// The closure's error type must be known. Where only `?` is used in it, name the type in the last line:
    /// `anyhow::Ok(())` or `Ok::<_, MyError>(())`. Otherwise the compiler says "type annotations needed".
    ///
    /// On PostgreSQL it runs at `READ COMMITTED`, whatever is set as the default of the server; see
    /// [`transaction_with_retries`](Self::transaction_with_retries) and [`serializable_transaction`](Self::serializable_transaction) for others.
    ///
    /// # Errors
    ///
    /// What the closure returns; and a [`DatabaseError`] when no connection can be had, when the closure takes too long,
    /// and when the database refuses to keep what was done.
    pub fn transaction<'a, T, E, F>(
        &'a self,
        closure: F,
    ) -> impl Future<Output = Result<T, E>> + Send + 'a
    where
        for<'c> F: AsyncFnOnce(&'c mut Transaction) -> Result<T, E>
            + AsyncClosure<&'c mut Transaction, Result<T, E>, Running: Send>
            + Send
            + 'a,
        T: Send + 'a,
        E: From<DatabaseError> + Send + 'a,
    {
        async move {
            self.database
                .attempt(closure, TransactionMode::Write, None)
                .await
                .0
        }
    }

    /// [`transaction`](Self::transaction) that writes one large value, and may take longer than others by this.
    pub(crate) fn transaction_large<'a, T, E, F>(
        &'a self,
        extra: Duration,
        closure: F,
    ) -> impl Future<Output = Result<T, E>> + Send + 'a
    where
        for<'c> F: AsyncFnOnce(&'c mut Transaction) -> Result<T, E>
            + AsyncClosure<&'c mut Transaction, Result<T, E>, Running: Send>
            + Send
            + 'a,
        T: Send + 'a,
        E: From<DatabaseError> + Send + 'a,
    {
        async move {
            self.database
                .attempt(closure, TransactionMode::Write, Some(extra))
                .await
                .0
        }
    }

    /// [`transaction`](Self::transaction) whose closure runs again when the database asks for that: PostgreSQL gives one up when it and others
    /// wait for each other (a deadlock), or when two of them cannot be put in an order.
    ///
    /// The closure may run several times, up to 8, and only what it does with its transaction is undone before it runs again: it must be fit for
    /// that. What else it does, such as sending a mail, belongs before or after. SQLite, which has one writer at a time, never asks.
    ///
    /// ```
    /// use diesel::prelude::*;
    /// use tasks_runtime::database::RunQueryDsl;
    /// use tasks_runtime::prelude::*;
    ///
    /// diesel::table! {
    ///     accounts (id) { id -> BigInt, cents -> BigInt }
    /// }
    ///
    /// #[task]
    /// async fn transfer(session: Session, from: i64, to: i64, cents: i64) -> anyhow::Result<()> {
    ///     session
    ///         .transaction_with_retries(async |tx| {
    ///             for (id, change) in [(from, -cents), (to, cents)] {
    ///                 with_conn!(tx, |conn| {
    ///                     diesel::update(accounts::table.find(id))
    ///                         .set(accounts::cents.eq(accounts::cents + change))
    ///                         .execute(conn)
    ///                         .await
    ///                 })?;
    ///             }
    ///             Ok(())
    ///         })
    ///         .await
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// The same as [`transaction`](Self::transaction); what the last run came to, when the database asks once more.
    pub fn transaction_with_retries<'a, T, E, F>(
        &'a self,
        closure: F,
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
        self.database.repeat(closure, TransactionMode::Write)
    }

    /// [`transaction_with_retries`](Self::transaction_with_retries) in which all is as if the transactions of this kind ran one after the other: what it reads
    /// stays true until it is kept (`SERIALIZABLE`). PostgreSQL asks to repeat such ones now and then, although nothing is wrong with them. In
    /// SQLite each transaction is like that.
    ///
    /// The other kinds run at `READ COMMITTED`, whatever is set as the default of the server.
    ///
    /// # Errors
    ///
    /// The same as [`transaction_with_retries`](Self::transaction_with_retries).
    pub fn serializable_transaction<'a, T, E, F>(
        &'a self,
        closure: F,
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
        self.database.repeat(closure, TransactionMode::Serializable)
    }

    /// [`read`](Self::read), for sync code: it blocks the thread.
    ///
    /// # Errors
    ///
    /// The same as [`read`](Self::read).
    ///
    /// # Panics
    ///
    /// In async code, whose thread must not be blocked.
    pub fn read_blocking<'a, T, E, F>(&'a self, closure: F) -> Result<T, E>
    where
        for<'c> F: AsyncFnOnce(&'c mut Connection) -> Result<T, E>
            + AsyncClosure<&'c mut Connection, Result<T, E>, Running: Send>
            + Send
            + 'a,
        T: Send + 'a,
        E: From<DatabaseError> + Send + 'a,
    {
        self.database.block_on(self.read(closure))
    }

    /// [`transaction`](Self::transaction), for sync code: it blocks the thread.
    ///
    /// ```
    /// use diesel::prelude::*;
    /// use tasks_runtime::database::RunQueryDsl;
    /// use tasks_runtime::prelude::*;
    ///
    /// diesel::table! {
    ///     users (id) { id -> BigInt, name -> Text }
    /// }
    ///
    /// #[task]
    /// fn forget_user(session: &Session, id: i64) -> anyhow::Result<usize> {
    ///     Ok(session.transaction_blocking(async |tx| {
    ///         with_conn!(tx, |conn| diesel::delete(users::table.find(id)).execute(conn).await)
    ///     })?)
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// The same as [`transaction`](Self::transaction).
    ///
    /// # Panics
    ///
    /// In async code, whose thread must not be blocked.
    pub fn transaction_blocking<'a, T, E, F>(&'a self, closure: F) -> Result<T, E>
    where
        for<'c> F: AsyncFnOnce(&'c mut Transaction) -> Result<T, E>
            + AsyncClosure<&'c mut Transaction, Result<T, E>, Running: Send>
            + Send
            + 'a,
        T: Send + 'a,
        E: From<DatabaseError> + Send + 'a,
    {
        self.database.block_on(self.transaction(closure))
    }

    /// Runs statements without values, separated by `;`, in one transaction: to set up a test, say.
    ///
    /// # Errors
    ///
    /// The same as [`transaction`](Self::transaction).
    pub async fn execute_script(&self, sql: &str) -> Result<(), DatabaseError> {
        self.transaction(async |tx| tx.batch(sql).await).await
    }
}
