//! Opens a database.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use diesel_migrations::EmbeddedMigrations;

use super::background::Background;
use super::handle::{Database, DatabaseInner, Pools};
use super::migrations::{self, Migrations};
use super::settings::Settings;
use super::url::{Location, SqliteFile};
use super::write_health::WriteHealth;
use super::{Backend, DatabaseError};

/// Opens a [`Database`]; made by its functions.
///
/// Nothing is looked at before [`connect`](Self::connect), which a service builder calls by itself.
///
/// ```
/// use std::time::Duration;
/// use tasks_runtime::prelude::*;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let database = Database::sqlite_in_memory()
///     .max_connections(4)
///     .statement_timeout(Duration::from_secs(10))
///     .connect()
///     .await?;
/// assert_eq!(database.backend().to_string(), "SQLite");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct DatabaseBuilder {
    location: Result<Location, DatabaseError>,
    settings: Settings,
    migrate: bool,
    migrations: Migrations,
}

impl fmt::Debug for DatabaseBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.location.as_ref().map(Location::masked);
        f.debug_struct("DatabaseBuilder")
            .field("location", &location)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// SQLite in a file, which is made when it is not there. Its folder has to be. Unlike in a URL, all of the path is its name.
    #[must_use]
    pub fn sqlite(path: impl AsRef<Path>) -> DatabaseBuilder {
        let path = path.as_ref();
        DatabaseBuilder::new(match path.to_str() {
            Some(path) => Ok(Location::File(SqliteFile::at(path))),
            None => Err(DatabaseError::Configuration(format!(
                "SQLite takes paths in UTF-8, and `{}` is not",
                path.display()
            ))),
        })
    }

    /// SQLite in a private file, in memory where the system has files in memory, that is gone with the [`Database`].
    ///
    /// A file all the same: what SQLite itself keeps in memory belongs to one connection, has no log, and is lost with it.
    #[must_use]
    pub fn sqlite_in_memory() -> DatabaseBuilder {
        DatabaseBuilder::new(Ok(Location::Memory))
    }

    /// A PostgreSQL server, by a URL such as `postgres://user:password@host:5432/database?application_name=tasks`.
    ///
    /// It is one of libpq: several hosts, which are tried in turn (`postgres://one,two:5433/database?target_session_attrs=read-write`), and its
    /// parameters, as far as there is a use for them here. One that is not known is an error that names those that are.
    #[must_use]
    pub fn postgres(url: &str) -> DatabaseBuilder {
        let location = Location::parse(url);
        DatabaseBuilder::new(match location {
            Ok(location) if location.backend() == Backend::Sqlite => {
                Err(DatabaseError::Configuration(
                    "the URL is one of SQLite: use `Database::from_url`, or begin it with `postgres://`".to_owned(),
                ))
            }
            location => location,
        })
    }

    /// Whichever a URL says: `sqlite://tasks.db`, `sqlite::memory:`, `postgres://…`. White space around it is left out.
    ///
    /// `sqlite://tasks.db?mode=rwc` makes the file when it is not there, which is so unless the URL says otherwise; with `mode=rw` it has to be
    /// there, and with `mode=ro` nothing is written to it. For those of PostgreSQL see [`postgres`](Self::postgres).
    #[must_use]
    pub fn from_url(url: &str) -> DatabaseBuilder {
        DatabaseBuilder::new(Location::parse(url))
    }

    /// Whichever the URL in an environment variable says.
    ///
    /// A variable that is not set, or is empty, is an error of [`connect`](DatabaseBuilder::connect); see
    /// [`from_env_or`](Self::from_env_or).
    #[must_use]
    pub fn from_env(variable: &str) -> DatabaseBuilder {
        match variable_of(variable) {
            Ok(Some(url)) => Self::from_url(&url),
            Ok(None) => DatabaseBuilder::new(Err(DatabaseError::Configuration(format!(
                "`{variable}` is not set: set it to a database URL, such as `sqlite://tasks.db`"
            )))),
            Err(error) => DatabaseBuilder::new(Err(error)),
        }
    }

    /// Whichever the URL in an environment variable says, or this one when the variable is not set.
    ///
    /// One that is set and empty is an error of [`connect`](DatabaseBuilder::connect): it is more likely that something else is missing than
    /// that somebody wanted another database.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// // SQLite with no set-up, PostgreSQL with one variable.
    /// let database = Database::from_env_or("DATABASE_URL", "sqlite://tasks.db");
    /// # let _ = database;
    /// ```
    #[must_use]
    pub fn from_env_or(variable: &str, url: &str) -> DatabaseBuilder {
        match variable_of(variable) {
            Ok(found) => Self::from_url(found.as_deref().unwrap_or(url)),
            Err(error) => DatabaseBuilder::new(Err(error)),
        }
    }
}

/// The value of an environment variable, if it is set.
fn variable_of(variable: &str) -> Result<Option<String>, DatabaseError> {
    match std::env::var(variable) {
        Ok(url) if url.trim().is_empty() => Err(DatabaseError::Configuration(format!(
            "`{variable}` is set, and empty: set it to a database URL, such as `sqlite://tasks.db` or \
             `postgres://user:password@host/database`, or do not set it at all"
        ))),
        Ok(url) => Ok(Some(url)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(DatabaseError::Configuration(format!(
            "`{variable}` is not UTF-8: a database URL is, with other bytes written as `%FF`"
        ))),
    }
}

impl DatabaseBuilder {
    fn new(location: Result<Location, DatabaseError>) -> Self {
        Self {
            location,
            settings: Settings::default(),
            migrate: true,
            migrations: Migrations::default(),
        }
    }

    /// How many connections there may be: in SQLite readers, beside the one writer. Defaults to 10; at least 1.
    #[must_use]
    pub fn max_connections(mut self, count: usize) -> Self {
        self.settings.max_connections = count.max(1);
        self
    }

    /// How long to wait for a connection to be free, and in SQLite for other processes to end their writing. Defaults to
    /// 5 seconds.
    #[must_use]
    pub fn acquire_timeout(mut self, time: Duration) -> Self {
        self.settings.acquire_timeout = time;
        self
    }

    /// How long making a connection may take, to all hosts of a URL together. Defaults to 5 seconds, and as long as the URL's `connect_timeout`
    /// allows for each host, if that is longer.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.settings.connect_timeout = time;
        self
    }

    /// How long one statement may take. Defaults to 30 seconds; `None` means without limit.
    ///
    /// PostgreSQL stops the statement; a `COMMIT` that it does not answer for so long is
    /// [`CommitTimeout`](super::DatabaseError::CommitTimeout). SQLite cannot be interrupted: whoever waits gets the error, and the connection is
    /// closed when the statement is through.
    #[must_use]
    pub fn statement_timeout(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.settings.statement_timeout = time.into();
        self
    }

    /// Whether connections to PostgreSQL keep prepared statements. By default, connecting finds out: connections behind a pooler in
    /// transaction mode, such as PgBouncer, do not keep them, since each transaction may be run by another connection of the server.
    ///
    /// `?prepared_statements=false` in the URL says the same, and so does `?pgbouncer=true`. SQLite has no pooler, and always keeps them.
    #[must_use]
    pub fn prepared_statements(mut self, keep: bool) -> Self {
        self.settings.prepared_statements = Some(keep);
        self
    }

    /// How long the closure of a transaction may take: in SQLite nobody else can write meanwhile. Defaults to 5 seconds;
    /// `None` means without limit.
    #[must_use]
    pub fn transaction_timeout(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.settings.transaction_timeout = time.into();
        self
    }

    /// How long the closure of a read may take. Defaults to 30 seconds; `None` means without limit.
    #[must_use]
    pub fn read_timeout(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.settings.read_timeout = time.into();
        self
    }

    /// The app's own migrations, made by `diesel_migrations::embed_migrations!()`: run when the database is opened, after
    /// those of this crate, which keep their own record and whose tables all begin with `tasks_`.
    ///
    /// Several processes may start at once: one of them runs what is pending, the others wait.
    #[must_use]
    pub fn migrations(mut self, migrations: EmbeddedMigrations) -> Self {
        self.migrations.all = Some(Arc::new(migrations));
        self
    }

    /// Migrations for one of the databases, in place of those for both.
    #[must_use]
    pub fn migrations_for(mut self, backend: Backend, migrations: EmbeddedMigrations) -> Self {
        match backend {
            Backend::Sqlite => self.migrations.sqlite = Some(Arc::new(migrations)),
            Backend::Postgres => self.migrations.postgres = Some(Arc::new(migrations)),
        }
        self
    }

    /// Runs no migration, neither the app's nor those of this crate: somebody else sees to them.
    #[must_use]
    pub fn without_migrations(mut self) -> Self {
        self.migrate = false;
        self
    }

    /// Opens the database: connects once, and brings the tables up to date.
    ///
    /// # Errors
    ///
    /// When the URL is wrong or of a database whose feature is off, when the database cannot be reached, and when a
    /// migration fails.
    pub async fn connect(self) -> Result<Database, DatabaseError> {
        let location = self.location?;
        let mut settings = self.settings;
        if let Location::Postgres(url) = &location
            && let Some(each) = url.connect_timeout()
        {
            let all = each.saturating_mul(u32::try_from(url.hosts()).unwrap_or(u32::MAX));
            settings.connect_timeout = settings.connect_timeout.max(all);
        }
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let background =
            Background::start(settings.max_connections.max(threads) + 1).map_err(|error| {
                DatabaseError::Configuration(format!(
                    "the threads of the database cannot be started: {error}"
                ))
            })?;
        let write_health = Arc::<WriteHealth>::default();
        let pools = open(&location, &settings, &background, &write_health)?;
        let database = Database {
            shared: Arc::new(DatabaseInner {
                url: location.masked(),
                pools,
                settings,
                closed: AtomicBool::new(false),
                write_health,
                identity: Arc::default(),
                changed: Arc::default(),
                background: Arc::new(background),
            }),
        };
        #[cfg(feature = "postgres")]
        if let Some(server) = database.postgres_server() {
            let background = database.shared.background.handle();
            let looked = super::postgres::look_for_pooler(&server, background);
            // When it takes too long, what comes next says so, too.
            let timeout = database.shared.settings.connect_timeout;
            if let Ok(Err(error)) = tokio::time::timeout(timeout, looked).await {
                return Err(database.unavailable(error.to_string()));
            }
        }
        let ready = async {
            database.check_encoding().await?;
            if self.migrate {
                migrations::run(&database, &self.migrations).await
            } else {
                database.ping().await
            }
        };
        let ready = ready.await;
        #[cfg(feature = "sqlite")]
        let ready = ready.map_err(|error| database.error_of_start(error));
        ready?;
        if let Err(error) = database.lasting_identity().await {
            // Who needs it asks again, and says so.
            tracing::debug!(%error, "the name of the database is not known yet");
        }
        tracing::info!(url = database.url(), "database opened");
        Ok(database)
    }
}

fn open(
    location: &Location,
    settings: &Settings,
    background: &Background,
    write_health: &Arc<WriteHealth>,
) -> Result<Pools, DatabaseError> {
    let handle = background.handle();
    match location {
        #[cfg(feature = "sqlite")]
        Location::File(file) => Ok(Pools::Sqlite(super::sqlite::Pools::new(
            file,
            None,
            settings,
            handle,
            write_health,
        )?)),
        #[cfg(feature = "sqlite")]
        Location::Memory => {
            let (path, directory) = super::sqlite::private_file().map_err(|error| {
                DatabaseError::Configuration(format!(
                    "no private file can be made for the database: {error}"
                ))
            })?;
            let file = SqliteFile::at(&path);
            let pools =
                super::sqlite::Pools::new(&file, Some(directory), settings, handle, write_health)?;
            Ok(Pools::Sqlite(pools))
        }
        #[cfg(not(feature = "sqlite"))]
        Location::File(_) | Location::Memory => Err(feature_is_off("SQLite", "sqlite")),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => Ok(Pools::Postgres(super::postgres::pool(
            url,
            settings,
            handle,
            write_health,
        )?)),
        #[cfg(not(feature = "postgres"))]
        Location::Postgres(_) => Err(feature_is_off("PostgreSQL", "postgres")),
    }
}

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
fn feature_is_off(backend: &str, feature: &str) -> DatabaseError {
    DatabaseError::Configuration(format!(
        "this program is built without {backend}: turn the feature `{feature}` of `tasks-runtime` or `tasks-web` on"
    ))
}
