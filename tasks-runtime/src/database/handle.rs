//! A database, as the program holds it: its pools, its settings and its threads.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::backend::Backend;
use super::background::Background;
#[cfg(feature = "postgres")]
use super::change::DatabaseChange;
use super::connection::Connection;
use super::error::DatabaseError;
use super::identity::Identity;
use super::lent_connection::{self, LentConnection};
#[cfg(feature = "postgres")]
use super::postgres;
use super::settings::Settings;
#[cfg(feature = "sqlite")]
use super::sqlite;
use super::write_health::WriteHealth;

/// A database: a pool of connections, cheap to clone, and injected into tasks that have a parameter of this type.
///
/// Made by a [`DatabaseBuilder`](crate::database::DatabaseBuilder), which [`sqlite`](Self::sqlite), [`postgres`](Self::postgres),
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
    pub(super) shared: Arc<DatabaseInner>,
}

pub(super) struct DatabaseInner {
    /// Without its password.
    pub(super) url: String,
    pub(super) pools: Pools,
    pub(super) settings: Settings,
    pub(super) closed: AtomicBool,
    pub(super) write_health: Arc<WriteHealth>,
    /// What it is called outside, once that is known.
    pub(super) identity: Arc<std::sync::Mutex<Option<Arc<Identity>>>>,
    /// Whether the last look found that it is not the database that was opened.
    pub(super) changed: Arc<AtomicBool>,
    // Last: the connections are gone before the threads they need.
    pub(super) background: Arc<Background>,
}

pub(super) enum Pools {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Pools),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Pool),
}

/// How many connections there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

    /// A connection to read.
    pub(super) async fn reader(&self) -> Result<Connection, DatabaseError> {
        self.check_open()?;
        match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => {
                let object = pools.readers.get().await;
                Ok(Connection::sqlite(self.lease_of_file(pools, object)?))
            }
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => {
                let object = postgres::get(pool, self.settings().acquire_timeout).await;
                let lent = self.lease(object).map_err(|error| match error {
                    DatabaseError::Unavailable { .. }
                        if pool.manager().server.is_former_primary() =>
                    {
                        DatabaseError::Changed(DatabaseChange::FormerPrimary)
                    }
                    error => error,
                });
                Ok(Connection::postgres(lent?))
            }
        }
    }

    /// A connection to write: in SQLite the only one.
    pub(super) async fn writer(&self) -> Result<Connection, DatabaseError> {
        self.check_open()?;
        match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => {
                let object = pools.writer().await;
                Ok(Connection::sqlite(self.lease_of_file(pools, object)?))
            }
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => self.reader().await,
        }
    }

    fn lease<M: lent_connection::Manager>(
        &self,
        object: Result<deadpool::managed::Object<M>, deadpool::managed::PoolError<M::Error>>,
    ) -> Result<LentConnection<M>, DatabaseError> {
        match object {
            Ok(object) => Ok(LentConnection::new(
                object,
                self.shared.background.handle().clone(),
            )),
            Err(error) => Err(self
                .shared
                .settings
                .pool_error(self.backend(), self.url(), error)),
        }
    }

    /// The same, for a file, which may be another one by now.
    #[cfg(feature = "sqlite")]
    fn lease_of_file(
        &self,
        pools: &sqlite::Pools,
        object: Result<
            deadpool::managed::Object<sqlite::Manager>,
            deadpool::managed::PoolError<diesel::ConnectionError>,
        >,
    ) -> Result<LentConnection<sqlite::Manager>, DatabaseError> {
        self.lease(object)
            .map_err(|error| match (&error, pools.change()) {
                (DatabaseError::Unavailable { .. }, Some(change)) => DatabaseError::Changed(change),
                _ => error,
            })
    }

    /// The same database with threads and connections of its own, which nobody else can use up, for statements that find their rows by indexes. In
    /// SQLite there is one writer all the same.
    pub(crate) fn sibling(&self) -> Result<Self, DatabaseError> {
        // Two of them for large values, which may take a while.
        const CONNECTIONS: usize = 5;
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
            shared: Arc::new(DatabaseInner {
                url: self.shared.url.clone(),
                pools,
                settings,
                closed: AtomicBool::new(false),
                write_health,
                identity: Arc::clone(&self.shared.identity),
                changed: Arc::clone(&self.shared.changed),
                background,
            }),
        })
    }

    #[cfg(feature = "postgres")]
    pub(super) fn unavailable(&self, reason: String) -> DatabaseError {
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

    pub(super) fn check_open(&self) -> Result<(), DatabaseError> {
        if AtomicBool::load(&self.shared.closed, Ordering::Acquire) {
            return Err(DatabaseError::Closed);
        }
        Ok(())
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Tells this database from others, for as long as it lives. One with connections of its own to the same database is the same.
    pub(super) fn identity(&self) -> usize {
        Arc::as_ptr(&self.shared.identity) as usize
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
