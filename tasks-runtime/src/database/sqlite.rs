//! Connections to SQLite.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, QueueMode, RecycleError, RecycleResult};
use diesel::Connection as _;
use diesel::connection::{
    AnsiTransactionManager, InstrumentationEvent, SimpleConnection as _, TransactionManager as _,
};
use diesel::migration::{MigrationSource, MigrationVersion};
use diesel::sqlite::Sqlite;
use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use diesel_migrations::MigrationHarness as _;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::app_migrations::{self, Undone};
use super::change::DatabaseChange;
use super::error::DatabaseError;
use super::lent_connection;
use super::opened_file::{OpenedFile, SideFiles};
use super::private_directory::PrivateDirectory;
use super::settings::Settings;
use super::url::{SqliteFile, SqliteMode};
use super::write_health::WriteHealth;

/// The connection that a query gets when the database is SQLite.
///
/// diesel-async's own wrapper, on the threads of the [`Database`](crate::Database).
pub type SqliteConnection = SyncConnectionWrapper<diesel::SqliteConnection, BlockingThreads>;

/// Runs queries on threads that may block.
///
/// The one that comes with diesel-async waits for a query that is abandoned, on the thread of whoever abandons it: that
/// panics on a current-thread runtime, and elsewhere makes a timeout wait for what it was to cut short.
#[derive(Clone, Debug)]
pub struct BlockingThreads {
    handle: Option<Handle>,
    statement_timeout: Option<Duration>,
    /// Told when a statement takes longer than that.
    expired: Arc<Notify>,
}

type Running<'a, R> =
    Pin<Box<dyn Future<Output = Result<R, Box<dyn Error + Send + Sync>>> + Send + 'a>>;

impl SpawnBlocking for BlockingThreads {
    fn spawn_blocking<'a, R>(&mut self, task: impl FnOnce() -> R + Send + 'static) -> Running<'a, R>
    where
        R: Send + 'static,
    {
        let Some(handle) = self.handle.clone() else {
            return Box::pin(async { Err("no tokio runtime is running".into()) });
        };
        let running = handle.spawn_blocking(task);
        let Some(limit) = self.statement_timeout else {
            return Box::pin(async move { running.await.map_err(Into::into) });
        };
        let expired = Arc::clone(&self.expired);
        Box::pin(async move {
            match tokio::time::timeout(limit, running).await {
                Ok(result) => result.map_err(Into::into),
                Err(_) => {
                    // The thread still has the connection, and whoever asked for anything else of it would wait for that,
                    // blocking. So this never returns: the one who lent the connection takes it away.
                    expired.notify_one();
                    std::future::pending().await
                }
            }
        })
    }

    fn get_runtime() -> Self {
        Self {
            handle: Handle::try_current().ok(),
            statement_timeout: None,
            expired: Arc::default(),
        }
    }
}

/// How large the write-ahead log may stay after it was written into the file, in bytes: a burst makes it grow, and without a limit it never
/// shrinks again.
const LOG_SIZE: u64 = 16 * 1024 * 1024;

/// A connection and what its session has to know.
pub(super) struct Pooled {
    pub(super) connection: SqliteConnection,
    pub(super) expired: Arc<Notify>,
    file: Arc<OpenedFile>,
    /// None of a connection that only reads: it may not have the log open, and then another process may remove it.
    side_files: Option<Arc<SideFiles>>,
}

/// One connection writes, the others read.
pub(super) struct Pools {
    pub(super) writer: managed::Pool<Manager>,
    pub(super) readers: managed::Pool<Manager>,
    /// A second connection that writes, for when the first one is lent to code that does not go on.
    reserve: Option<managed::Pool<Manager>>,
    /// A directory to be removed in the end.
    directory: Option<Arc<PrivateDirectory>>,
}

/// Opens connections to one file.
#[derive(Clone, Debug)]
pub(super) struct Manager {
    file: SqliteFile,
    opened: Arc<OpenedFile>,
    pragmas: String,
    statement_timeout: Option<Duration>,
    background: Handle,
    /// Told when something cannot be written, by the one that writes.
    write_health: Option<Arc<WriteHealth>>,
}

impl Pools {
    pub(super) fn new(
        file: &SqliteFile,
        directory: Option<PrivateDirectory>,
        settings: &Settings,
        background: &Handle,
        write_health: &Arc<WriteHealth>,
    ) -> Result<Self, DatabaseError> {
        let busy = settings.acquire_timeout.as_millis();
        // What is gone with the process anyway need not wait for the disk.
        let synchronous = if directory.is_some() { "OFF" } else { "FULL" };
        // To switch to the log is to write.
        let log = if file.mode == SqliteMode::ReadOnly {
            String::new()
        } else {
            format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA journal_size_limit = {LOG_SIZE};"
            )
        };
        let opened = Arc::new(OpenedFile::at(&file.path));
        let manager = |more: &str, write_health| Manager {
            file: file.clone(),
            opened: Arc::clone(&opened),
            // The time to wait comes first: to switch to the log needs the file for itself for a moment.
            pragmas: format!(
                "PRAGMA busy_timeout = {busy}; {log} PRAGMA foreign_keys = ON; {more}"
            ),
            statement_timeout: settings.statement_timeout,
            background: background.clone(),
            write_health,
        };
        let pool = |manager, size| settings.pool(manager, size, QueueMode::Lifo);
        Ok(Self {
            writer: pool(manager("", Some(Arc::clone(write_health))), 1)?,
            readers: pool(
                manager("PRAGMA query_only = ON;", None),
                settings.max_connections,
            )?,
            reserve: None,
            directory: directory.map(Arc::new),
        })
    }

    /// The same writer, and connections that nobody else can use up.
    pub(super) fn sibling(
        &self,
        settings: &Settings,
        background: &Handle,
    ) -> Result<Self, DatabaseError> {
        let own = |manager: &Manager| Manager {
            background: background.clone(),
            ..manager.clone()
        };
        let (readers, writer) = (own(self.readers.manager()), own(self.writer.manager()));
        Ok(Self {
            writer: self.writer.clone(),
            readers: settings.pool(readers, settings.max_connections, QueueMode::Lifo)?,
            reserve: Some(settings.pool(writer, 1, QueueMode::Lifo)?),
            directory: self.directory.clone(),
        })
    }

    /// The connection that writes. Everybody waits for it in turn, which is faster than to wait for the lock of the file; but its
    /// next holder may be code whose thread is blocked, and that one does not hand it on.
    pub(super) async fn writer(
        &self,
    ) -> Result<Object<Manager>, managed::PoolError<diesel::ConnectionError>> {
        const WRITER_TIMEOUT: Duration = Duration::from_secs(1);
        let Some(reserve) = &self.reserve else {
            return self.writer.get().await;
        };
        match tokio::time::timeout(WRITER_TIMEOUT, self.writer.get()).await {
            Ok(writer) => writer,
            Err(_) => reserve.get().await,
        }
    }

    /// Waits for the writer, and has the log written into the file.
    pub(super) async fn close(&self) {
        if self.writer.manager().file.mode != SqliteMode::ReadOnly
            && let Ok(mut writer) = self.writer.get().await
        {
            use diesel_async::SimpleAsyncConnection as _;
            self.readers.close();
            let truncated = writer
                .connection
                .batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
                .await;
            if let Err(error) = truncated {
                tracing::warn!(%error, "the log of the SQLite database was not written into its file");
            }
        }
        self.readers.close();
        self.writer.close();
        if let Some(reserve) = &self.reserve {
            reserve.close();
        }
    }
}

impl managed::Manager for Manager {
    type Type = Pooled;
    type Error = diesel::ConnectionError;

    async fn create(&self) -> Result<Pooled, diesel::ConnectionError> {
        let (file, pragmas) = (self.file.clone(), self.pragmas.clone());
        let (opened_file, write_health) = (Arc::clone(&self.opened), self.write_health.clone());
        let opened = self.background.spawn_blocking(move || {
            let refused = diesel::ConnectionError::BadConnection;
            let changed = |change: DatabaseChange| refused(change.to_string());
            let target = if opened_file.is_known() {
                opened_file.check().map_err(changed)?;
                file.existing().target()
            } else {
                opened_file.check_new(file.mode).map_err(refused)?;
                file.target()
            };
            let mut connection = diesel::SqliteConnection::establish(&target)?;
            if let Some(health) = write_health {
                connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                    health.observe(&event);
                });
            }
            connection
                .batch_execute(&pragmas)
                .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
            opened_file.check().map_err(changed)?;
            Ok::<_, diesel::ConnectionError>(connection)
        });
        let connection = opened
            .await
            .map_err(|error| diesel::ConnectionError::BadConnection(error.to_string()))??;
        let expired = Arc::<Notify>::default();
        let threads = BlockingThreads {
            handle: Some(self.background.clone()),
            statement_timeout: self.statement_timeout,
            expired: Arc::clone(&expired),
        };
        Ok(Pooled {
            connection: SqliteConnection::with_runtime(connection, threads),
            expired,
            file: Arc::clone(&self.opened),
            side_files: (self.file.mode != SqliteMode::ReadOnly).then(Arc::default),
        })
    }

    async fn recycle(
        &self,
        pooled: &mut Pooled,
        _: &Metrics,
    ) -> RecycleResult<diesel::ConnectionError> {
        use diesel_async::{AsyncConnection, TransactionManager as _};
        type Transactions = <SqliteConnection as AsyncConnection>::TransactionManager;
        if Transactions::is_broken_transaction_manager(&mut pooled.connection) {
            return Err(RecycleError::message("a transaction is open"));
        }
        Ok(())
    }
}

impl lent_connection::Manager for Manager {
    async fn discard(object: Object<Self>) {
        let mut object = object;
        // Waits for the thread that still has the connection. Then the lock on the file is released, and only then may the
        // next one try to get it.
        let undone = object
            .connection
            .spawn_blocking(|connection| connection.batch_execute("ROLLBACK"));
        // Without a transaction there is nothing to undo.
        let _ = undone.await;
        drop(Object::take(object));
    }
}

/// Begins a transaction, unless the file is not the one that was opened.
pub(super) async fn begin(pooled: &mut Pooled, write: bool) -> Result<(), DatabaseError> {
    let sql = if write { "BEGIN IMMEDIATE" } else { "BEGIN" };
    let (file, side_files) = (Arc::clone(&pooled.file), pooled.side_files.clone());
    let checked = pooled
        .connection
        .spawn_blocking(move |connection| {
            let checked = file.check().and_then(|()| match side_files {
                Some(side_files) => side_files.check(file.path()),
                None => Ok(()),
            });
            if checked.is_ok() {
                AnsiTransactionManager::begin_transaction_sql(connection, sql)?;
            }
            Ok::<_, diesel::result::Error>(checked)
        })
        .await?;
    checked.map_err(DatabaseError::Changed)
}

pub(super) async fn end(
    connection: &mut SqliteConnection,
    commit: bool,
) -> diesel::QueryResult<()> {
    connection
        .spawn_blocking(move |connection| {
            if commit {
                AnsiTransactionManager::commit_transaction(connection)
            } else {
                AnsiTransactionManager::rollback_transaction(connection)
            }
        })
        .await
}

/// A private file: in memory, where there is a file system of that kind.
pub(super) fn private_file() -> std::io::Result<(String, PrivateDirectory)> {
    let directory = PrivateDirectory::new()?;
    let file = directory.path().join("memory.db");
    Ok((file.to_string_lossy().into_owned(), directory))
}

impl Pools {
    /// The file.
    pub(super) fn path(&self) -> String {
        self.writer.manager().file.path.clone()
    }

    /// Whether the file is opened to be read only.
    pub(super) fn is_read_only(&self) -> bool {
        self.writer.manager().file.mode == SqliteMode::ReadOnly
    }

    /// Why no connection can be had, if the reason is that the file is not the one that was opened.
    pub(super) fn change(&self) -> Option<DatabaseChange> {
        self.writer.manager().opened.check_known().err()
    }

    /// What a connection of one's own opens.
    pub(super) fn target(&self) -> String {
        self.writer.manager().file.target()
    }
}

/// Runs the app's migrations that are pending, with a connection of its own.
pub(super) fn migrate(
    target: &str,
    source: &(impl MigrationSource<Sqlite> + Clone),
) -> diesel::migration::Result<()> {
    let mut connection = diesel::SqliteConnection::establish(target)?;
    connection.batch_execute("PRAGMA busy_timeout = 60000; PRAGMA foreign_keys = ON")?;
    let in_one = source
        .migrations()?
        .iter()
        .all(|migration| migration.metadata().run_in_transaction());
    if !in_one {
        let run = connection
            .run_pending_migrations(source.clone())?
            .iter()
            .map(MigrationVersion::as_owned)
            .collect::<Vec<_>>();
        app_migrations::say(source, &run);
        return Ok(());
    }
    // Whoever starts at the same time waits here, and then finds nothing pending.
    let run = connection.immediate_transaction(|connection| {
        let run = connection
            .run_pending_migrations(source.clone())
            .map_err(Undone)?;
        Ok::<_, Undone>(
            run.iter()
                .map(MigrationVersion::as_owned)
                .collect::<Vec<_>>(),
        )
    })?;
    app_migrations::say(source, &run);
    Ok(())
}
