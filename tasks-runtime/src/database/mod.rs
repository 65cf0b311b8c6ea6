//! A database that tasks share: SQLite, which is built in, or PostgreSQL.
//!
//! A [`Database`] is a pool of connections. A [`Session`] is what a task takes: it holds no connection, so a task may keep
//! one for an hour and block nobody. It lends a connection to a closure, for as long as the closure runs:
//!
//! ```
//! use diesel::prelude::*;
//! use tasks_runtime::database::RunQueryDsl;
//! use tasks_runtime::prelude::*;
//!
//! diesel::table! {
//!     users (id) {
//!         id -> BigInt,
//!         name -> Text,
//!     }
//! }
//!
//! /// Adds a user, and says how many there are.
//! #[task]
//! async fn add_user(session: Session, name: String) -> anyhow::Result<i64> {
//!     session
//!         .transaction(async |tx| {
//!             with_conn!(tx, |conn| {
//!                 diesel::insert_into(users::table)
//!                     .values(users::name.eq(&name))
//!                     .execute(conn)
//!                     .await?;
//!                 Ok::<_, anyhow::Error>(users::table.count().get_result(conn).await?)
//!             })
//!         })
//!         .await
//! }
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let database = Database::sqlite_in_memory().connect().await?;
//! database
//!     .session()
//!     .execute_script("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
//!     .await?;
//! let executor = tasks_runtime::testing::executor([task(add_user)]).provide(database).build()?;
//! assert_eq!(executor.run::<i64>(call!(add_user, name = "Ada")).await?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # One code for both databases
//!
//! Queries are ordinary diesel, run by diesel-async. The connection a closure gets is one of two types, and
//! [`with_conn!`](crate::with_conn) compiles its block for each: write a query once where both understand it, and match on
//! [`Connection::kind`] where they really differ.
//!
//! # What is promised
//!
//! - [`Session::read`] sees the database as it was at one moment, and cannot write.
//! - [`Session::transaction`] commits when its closure returns `Ok`, and otherwise leaves no trace: an error, a panic, a
//!   timeout, a client that hung up and a process that was killed all roll back. Nothing is written outside of one.
//! - In SQLite there is one writer at a time, in the order they asked; readers wait for nobody.
//! - What a closure leaves behind in the middle of a query is not given to anybody else.

mod background;
mod builder;
mod closure;
mod connection;
mod error;
#[cfg(feature = "sqlite")]
mod full_disk;
mod identity;
mod lease;
mod migrations;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod private_directory;
mod query;
mod session;
mod settings;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statement;
mod url;
mod write_health;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use builder::DatabaseBuilder;
pub use closure::{AsyncClosure, RepeatableClosure};
pub use connection::{Connection, ConnectionKind, Transaction};
pub use error::DatabaseError;
#[cfg(feature = "postgres")]
pub use postgres::PgConnection;
pub use query::RunQueryDsl;
pub use session::Session;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteConnection;
pub(crate) use statement::statement;
pub use write_health::WriteFailure;

pub(crate) use identity::Identity;

use background::Background;
use lease::Lease;
use settings::Settings;
use write_health::WriteHealth;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// SQLite, in a file of this machine.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// A database: a pool of connections, cheap to clone, and injected into tasks that have a parameter of this type.
///
/// Made by a [`DatabaseBuilder`], which [`sqlite`](Self::sqlite), [`postgres`](Self::postgres),
/// [`from_url`](Self::from_url) and others begin.
///
/// ```
/// use tasks_runtime::prelude::*;
///
/// /// Dependencies are injected because of their types.
/// #[task(tags = ["demo", "injection"])]
/// async fn process_data(database: Database) -> String {
///     format!("processed in {}", database.url())
/// }
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let database = Database::sqlite_in_memory().connect().await?;
/// let executor = tasks_runtime::testing::executor([task(process_data)]).provide(database).build()?;
/// let text: String = executor.run(call!(process_data)).await?;
/// assert_eq!(text, "processed in sqlite::memory:");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, tasks_macros::Injectable)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    /// Without its password.
    url: String,
    pools: Pools,
    settings: Settings,
    closed: AtomicBool,
    write_health: Arc<WriteHealth>,
    /// What it is called outside, once that is known.
    identity: std::sync::Mutex<Option<Arc<Identity>>>,
    // Last: the connections are gone before the threads they need.
    background: Arc<Background>,
}

enum Pools {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Pools),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Pool),
}

/// How many connections there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// How many there may be.
    pub max_size: usize,
    /// How many are open.
    pub size: usize,
    /// How many of those are open and idle.
    pub idle: usize,
    /// How many callers wait for one.
    pub waiting: usize,
}

impl Database {
    /// Which database it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => Backend::Sqlite,
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => Backend::Postgres,
        }
    }

    /// Where it is. A password is shown as `***`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// A session, for code outside of tasks.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or does not answer within the time for a connection.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.session()
            .read(async |conn| conn.batch("SELECT 1").await)
            .await
    }

    /// Why nothing that is written is kept, and since when: the disk is full, or the database is read-only. `None` while writes
    /// succeed.
    ///
    /// Nothing is asked of the database unless a write failed before. Then a little is written: when that succeeds, all is
    /// well again.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let database = tasks_runtime::Database::sqlite_in_memory().connect().await?;
    /// assert_eq!(database.write_failure().await, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn write_failure(&self) -> Option<WriteFailure> {
        /// More than what is left of a disk that is as good as full.
        const PROBE: &str =
            "DROP TABLE IF EXISTS tasks_write_probe; CREATE TABLE tasks_write_probe (filler TEXT)";
        let health = &self.shared.write_health;
        health.failure()?;
        let filler = "x".repeat(64 * 1024);
        let written = async {
            let session = self.session();
            let insert = format!("{PROBE}; INSERT INTO tasks_write_probe VALUES ('{filler}')");
            session.execute_script(&insert).await?;
            session.execute_script("DROP TABLE tasks_write_probe").await
        };
        match written.await {
            Err(DatabaseError::Query(error)) if write_health::Refusal::of(&error).is_some() => {}
            // Whatever else is wrong says the ping.
            _ => health.recovered(),
        }
        health.failure()
    }

    /// The pool at this moment: of the readers, in SQLite.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        let status = match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => pools.readers.status(),
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => pool.status(),
        };
        PoolStatus {
            max_size: status.max_size,
            size: status.size,
            idle: status.available.min(status.size),
            waiting: status.waiting,
        }
    }

    /// Closes the connections, once those that are lent have come back; SQLite's log is written into its file first. Who
    /// asks for a connection from then on gets [`DatabaseError::Closed`].
    ///
    /// A database that is dropped instead loses nothing: it is only that the log stays beside the file.
    pub async fn close(&self) {
        if self.shared.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => pools.close().await,
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => pool.close(),
        }
    }

    /// Runs a future on this thread, which waits for it: for sync tasks, whose thread may wait.
    ///
    /// # Panics
    ///
    /// In async code, whose thread must not wait.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.shared.background.handle().block_on(future)
    }

    /// Runs a future in the background, on the threads of the database, until it ends or the database is gone.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.shared.background.handle().spawn(future);
    }

    /// A directory for what is too large for a row: beside the file, or inside the private directory.
    pub(crate) fn content_directory(&self) -> Result<std::path::PathBuf, DatabaseError> {
        self.check_open()?;
        Ok(match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => format!("{}-artifacts", pools.path()).into(),
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => "artifacts".into(),
        })
    }

    /// Refuses a server that cannot keep every text.
    async fn check_encoding(&self) -> Result<(), DatabaseError> {
        match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => postgres::check_encoding(&self.session()).await,
        }
    }

    /// What it is called outside of it. Read once; it is there once the database was opened, unless somebody else sees to its tables.
    pub(crate) async fn lasting_identity(&self) -> Result<Arc<Identity>, DatabaseError> {
        if let Some(identity) = &*self.identity_slot() {
            return Ok(Arc::clone(identity));
        }
        let found = Arc::new(identity::find_or_make(self).await?);
        *self.identity_slot() = Some(Arc::clone(&found));
        Ok(found)
    }

    /// Says that the databases that this one is a copy of are not used any more.
    pub(crate) async fn take_over(&self) -> Result<(), DatabaseError> {
        identity::take_over(self).await?;
        *self.identity_slot() = None;
        Ok(())
    }

    fn identity_slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<Identity>>> {
        let slot = &self.shared.identity;
        slot.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A connection to read.
    async fn reader(&self) -> Result<Connection, DatabaseError> {
        self.check_open()?;
        match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => {
                let object = pools.readers.get().await;
                Ok(Connection::sqlite(self.lease(object)?))
            }
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => {
                let object = postgres::get(pool, self.settings().acquire_timeout).await;
                Ok(Connection::postgres(self.lease(object)?))
            }
        }
    }

    /// A connection to write: in SQLite the only one.
    async fn writer(&self) -> Result<Connection, DatabaseError> {
        self.check_open()?;
        match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => {
                let object = pools.writer().await;
                Ok(Connection::sqlite(self.lease(object)?))
            }
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => self.reader().await,
        }
    }

    fn lease<M: lease::Manager>(
        &self,
        object: Result<deadpool::managed::Object<M>, deadpool::managed::PoolError<M::Error>>,
    ) -> Result<Lease<M>, DatabaseError> {
        match object {
            Ok(object) => Ok(Lease::new(object, self.shared.background.handle().clone())),
            Err(error) => Err(self
                .shared
                .settings
                .pool_error(self.backend(), self.url(), error)),
        }
    }

    /// The same database with threads and connections of its own, which nobody else can use up, for statements that find their rows by indexes. In
    /// SQLite there is one writer all the same.
    pub(crate) fn sibling(&self) -> Result<Self, DatabaseError> {
        const CONNECTIONS: usize = 3;
        self.check_open()?;
        let settings = Settings {
            max_connections: CONNECTIONS,
            ..self.shared.settings.clone()
        };
        // Threads of its own as well: what runs on those of the other may be the application's.
        let background = Background::start(CONNECTIONS).map_err(|error| {
            DatabaseError::Configuration(format!(
                "the threads of the database cannot be started: {error}"
            ))
        })?;
        let background = Arc::new(background);
        let write_health = Arc::clone(&self.shared.write_health);
        let pools = match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => Pools::Sqlite(pools.sibling(&settings, background.handle())?),
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => {
                let server = pool.manager().server.clone();
                Pools::Postgres(postgres::pool_of(
                    server,
                    postgres::BY_INDEX,
                    &settings,
                    background.handle(),
                    &write_health,
                )?)
            }
        };
        Ok(Self {
            shared: Arc::new(Shared {
                url: self.shared.url.clone(),
                pools,
                settings,
                closed: AtomicBool::new(false),
                write_health,
                identity: std::sync::Mutex::default(),
                background,
            }),
        })
    }

    #[cfg(feature = "postgres")]
    fn unavailable(&self, reason: String) -> DatabaseError {
        DatabaseError::Unavailable {
            backend: self.backend(),
            url: self.url().to_owned(),
            reason,
        }
    }

    /// The PostgreSQL server, to be listened to.
    #[cfg(feature = "postgres")]
    pub(crate) fn postgres_server(&self) -> Option<postgres::Server> {
        match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => None,
            Pools::Postgres(pool) => Some(pool.manager().server.clone()),
        }
    }

    fn check_open(&self) -> Result<(), DatabaseError> {
        if AtomicBool::load(&self.shared.closed, Ordering::Acquire) {
            return Err(DatabaseError::Closed);
        }
        Ok(())
    }

    fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Tells this database from others, for as long as it lives.
    fn identity(&self) -> usize {
        Arc::as_ptr(&self.shared) as usize
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("url", &self.url())
            .field("pool", &self.pool_status())
            .finish_non_exhaustive()
    }
}
