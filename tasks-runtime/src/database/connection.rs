//! What a closure works with.

use std::fmt;
use std::ops::{Deref, DerefMut};

use diesel_async::SimpleAsyncConnection as _;

use super::backend::Backend;
use super::error::DatabaseError;
use super::lent_connection::LentConnection;
use super::transaction_mode::TransactionMode;

/// A connection that is lent to a closure.
///
/// Give it to [`with_conn!`](crate::with_conn) to run queries on either database, or match on [`kind`](Self::kind).
pub struct Connection {
    held: Held,
}

#[allow(
    clippy::large_enum_variant,
    reason = "made once per closure, and not kept in numbers"
)]
enum Held {
    #[cfg(feature = "sqlite")]
    Sqlite(LentConnection<super::sqlite::Manager>),
    #[cfg(feature = "postgres")]
    Postgres(LentConnection<super::postgres::Manager>),
}

/// The connection of one database or the other, for queries.
#[allow(missing_debug_implementations, reason = "connections have none")]
pub enum ConnectionKind<'a> {
    /// To SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(&'a mut super::SqliteConnection),
    /// To PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(&'a mut super::PgConnection),
}

impl Connection {
    #[cfg(feature = "sqlite")]
    pub(super) fn sqlite(lease: LentConnection<super::sqlite::Manager>) -> Self {
        Self {
            held: Held::Sqlite(lease),
        }
    }

    #[cfg(feature = "postgres")]
    pub(super) fn postgres(lease: LentConnection<super::postgres::Manager>) -> Self {
        Self {
            held: Held::Postgres(lease),
        }
    }

    /// Which database it leads to.
    #[must_use]
    pub fn backend(&self) -> Backend {
        match &self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(_) => Backend::Sqlite,
            #[cfg(feature = "postgres")]
            Held::Postgres(_) => Backend::Postgres,
        }
    }

    /// The connection itself, for queries that differ from one database to the other.
    ///
    /// ```
    /// use diesel::sql_types::Text;
    /// use tasks_runtime::database::{ConnectionKind, RunQueryDsl};
    /// use tasks_runtime::prelude::*;
    ///
    /// #[derive(diesel::QueryableByName)]
    /// struct Version {
    ///     #[diesel(sql_type = Text)]
    ///     version: String,
    /// }
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let database = Database::sqlite_in_memory().connect().await?;
    /// let version = database
    ///     .session()
    ///     .read(async |conn| match conn.kind() {
    ///         ConnectionKind::Sqlite(conn) => {
    ///             diesel::sql_query("SELECT sqlite_version() AS version").get_result::<Version>(conn).await
    ///         }
    /// #       #[allow(unreachable_patterns)]
    ///         # _ => Err(diesel::result::Error::NotFound),
    ///         // ConnectionKind::Postgres(conn) => …
    ///     })
    ///     .await?;
    /// assert!(version.version.starts_with("3."));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn kind(&mut self) -> ConnectionKind<'_> {
        match &mut self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(lease) => ConnectionKind::Sqlite(&mut lease.get_mut().connection),
            #[cfg(feature = "postgres")]
            Held::Postgres(lease) => ConnectionKind::Postgres(&mut lease.get_mut().connection),
        }
    }

    /// Runs statements without values, separated by `;`.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn batch(&mut self, sql: &str) -> Result<(), DatabaseError> {
        Ok(crate::with_conn!(self, |conn| conn
            .batch_execute(sql)
            .await)?)
    }

    pub(super) async fn begin(&mut self, mode: TransactionMode) -> Result<(), DatabaseError> {
        match &mut self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(lease) => {
                super::sqlite::begin(lease.get_mut(), mode != TransactionMode::Read).await
            }
            #[cfg(feature = "postgres")]
            Held::Postgres(lease) => Ok(lease.get_mut().begin(mode).await?),
        }
    }

    /// Has the server wait longer by this for what the rest of the transaction sends and receives. SQLite has no link to wait for.
    pub(super) async fn extend_limits(
        &mut self,
        extra: std::time::Duration,
    ) -> Result<(), DatabaseError> {
        match &mut self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(_) => {
                let _ = extra;
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Held::Postgres(_) => {
                let extra = extra.as_millis();
                // Zero means none.
                let longer = |name: &str| {
                    format!(
                        "set_config(name, CASE WHEN setting = '0' THEN '0' ELSE CAST(CAST(setting AS BIGINT) + {extra} AS TEXT) END, true) \
                         FROM pg_settings WHERE name = '{name}'"
                    )
                };
                let sql = format!(
                    "SELECT {}; SELECT {}",
                    longer("statement_timeout"),
                    longer("idle_in_transaction_session_timeout")
                );
                self.batch(&sql).await
            }
        }
    }

    /// Whether the database has given the transaction up, and the same may succeed when it is done again.
    pub(super) fn asks_to_repeat(&mut self) -> bool {
        match &mut self.held {
            // It has one writer at a time.
            #[cfg(feature = "sqlite")]
            Held::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Held::Postgres(lease) => lease.get_mut().asks_to_repeat(),
        }
    }

    pub(super) async fn end(&mut self, commit: bool) -> Result<(), DatabaseError> {
        Ok(match self.kind() {
            #[cfg(feature = "sqlite")]
            ConnectionKind::Sqlite(conn) => super::sqlite::end(conn, commit).await,
            #[cfg(feature = "postgres")]
            ConnectionKind::Postgres(conn) => super::postgres::end(conn, commit).await,
        }?)
    }

    pub(super) fn give_back(self) {
        match self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(lease) => lease.give_back(),
            #[cfg(feature = "postgres")]
            Held::Postgres(lease) => lease.give_back(),
        }
    }

    /// Tells later, while a closure has the connection, whether a statement awaits the answer of the database. SQLite has none to await.
    pub(super) fn awaiting(&mut self) -> impl Fn() -> bool + Send + use<> {
        #[cfg(feature = "postgres")]
        let noted = match &mut self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(_) => None,
            Held::Postgres(lease) => Some(lease.get_mut().noted()),
        };
        move || {
            #[cfg(feature = "postgres")]
            if let Some(noted) = &noted {
                return noted.is_awaiting();
            }
            false
        }
    }

    /// Resolves when a statement takes longer than it may and cannot be stopped.
    pub(super) fn expired(&mut self) -> impl Future<Output = ()> + Send + 'static {
        let expired: Option<std::sync::Arc<tokio::sync::Notify>> = match &mut self.held {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(lease) => Some(std::sync::Arc::clone(&lease.get_mut().expired)),
            // The server sees to it.
            #[cfg(feature = "postgres")]
            Held::Postgres(_) => None,
        };
        async move {
            match expired {
                Some(expired) => expired.notified().await,
                None => std::future::pending().await,
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("backend", &self.backend())
            .finish_non_exhaustive()
    }
}

/// A connection that may write: what is done with it is kept when the closure returns `Ok`, all of it or nothing.
///
/// It is a [`Connection`] that managers also take, to work inside the same transaction.
pub struct Transaction {
    connection: Connection,
    committed: Vec<Box<dyn FnOnce() + Send>>,
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transaction")
            .field(&self.connection)
            .finish()
    }
}

impl Transaction {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            committed: Vec::new(),
        }
    }

    /// Runs once the transaction is kept, and never if it is not.
    pub(crate) fn on_commit(&mut self, tell: impl FnOnce() + Send + 'static) {
        self.committed.push(Box::new(tell));
    }

    pub(super) fn into_parts(self) -> (Connection, Vec<Box<dyn FnOnce() + Send>>) {
        (self.connection, self.committed)
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// Runs a block of queries on whichever database a [`Connection`](crate::database::Connection) leads to.
///
/// The block is compiled once for each database, with the connection of that one under the name given. Its value is that of
/// the block.
///
/// ```
/// use diesel::prelude::*;
/// use tasks_runtime::database::RunQueryDsl;
/// use tasks_runtime::prelude::*;
///
/// diesel::table! {
///     users (id) { id -> BigInt, name -> Text, active -> Bool }
/// }
///
/// #[task]
/// async fn count_users(session: Session, active_only: Option<bool>) -> anyhow::Result<i64> {
///     Ok(session
///         .read(async |conn| {
///             with_conn!(conn, |conn| {
///                 let mut query = users::table.count().into_boxed();
///                 if active_only.unwrap_or_default() {
///                     query = query.filter(users::active.eq(true));
///                 }
///                 query.get_result(conn).await
///             })
///         })
///         .await?)
/// }
/// # fn main() {}
/// ```
#[cfg(all(feature = "sqlite", feature = "postgres"))]
#[macro_export]
macro_rules! with_conn {
    ($connection:expr, |$name:ident| $body:expr) => {
        match $connection.kind() {
            $crate::database::ConnectionKind::Sqlite($name) => $body,
            $crate::database::ConnectionKind::Postgres($name) => $body,
        }
    };
}

/// Runs a block of queries on whichever database a [`Connection`](crate::database::Connection) leads to.
#[cfg(all(feature = "sqlite", not(feature = "postgres")))]
#[macro_export]
macro_rules! with_conn {
    ($connection:expr, |$name:ident| $body:expr) => {
        match $connection.kind() {
            $crate::database::ConnectionKind::Sqlite($name) => $body,
        }
    };
}

/// Runs a block of queries on whichever database a [`Connection`](crate::database::Connection) leads to.
#[cfg(all(feature = "postgres", not(feature = "sqlite")))]
#[macro_export]
macro_rules! with_conn {
    ($connection:expr, |$name:ident| $body:expr) => {
        match $connection.kind() {
            $crate::database::ConnectionKind::Postgres($name) => $body,
        }
    };
}
