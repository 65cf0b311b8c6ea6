//! Connections to PostgreSQL.

mod durability;
pub(super) mod failure;
mod liveness;
mod pooler;
mod server;
mod timelines;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, QueueMode, RecycleError, RecycleResult};
use diesel::connection::{CacheSize, InstrumentationEvent};
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel_async::TransactionManager as _;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AnsiTransactionManager, AsyncConnection as _};
use diesel_migrations::MigrationHarness as _;
use tokio::runtime::Handle;

use self::durability::Durability;
use self::failure::is_crowded;
use self::liveness::{Answers, Awaiting};
use self::pooler::Pooler;
pub use self::server::PgConnection;
pub(super) use self::server::Server;
use self::timelines::Timeline;
use super::app_migrations::{self, Undone};
use super::error::DatabaseError;
use super::lent_connection;
use super::settings::Settings;
use super::transaction_mode::TransactionMode;
use super::url::PostgresUrl;
use super::write_health::{Refusal, WriteHealth};

pub(super) type Pool = managed::Pool<Manager>;

/// Connects to one server.
pub(super) struct Manager {
    pub(super) server: Server,
    /// Settings of each transaction, as statements that follow its `BEGIN`.
    local: Arc<str>,
    background: Handle,
    write_health: Arc<WriteHealth>,
    answers: Arc<Answers>,
}

/// A connection and what its session has to know.
pub(super) struct Pooled {
    pub(super) connection: PgConnection,
    begin: Begin,
    timeline: Timeline,
    /// Whether it keeps prepared statements.
    prepared: bool,
    noted: Arc<ConnectionFlags>,
}

/// What was seen of a connection.
pub(super) struct ConnectionFlags {
    /// It is of no use any more.
    broken: AtomicBool,
    /// The server has given a transaction up, and asks to repeat it.
    repeat: AtomicBool,
    awaiting: Awaiting,
}

/// How transactions begin: with settings that end with them, since the next one may be run by another connection of the server.
///
/// They say how transactions are kept apart, too: the server's default may be another one than that which the statements were written for.
struct Begin {
    write: String,
    serializable: String,
    read: String,
}

impl Begin {
    fn new(local: &str, commits: Option<Durability>) -> Self {
        let commits = commits.map(Durability::statement).unwrap_or_default();
        Self {
            write: format!("BEGIN ISOLATION LEVEL READ COMMITTED{local}{commits}"),
            serializable: format!("BEGIN ISOLATION LEVEL SERIALIZABLE{local}{commits}"),
            read: format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{local}"),
        }
    }
}

pub(super) fn pool(
    url: &PostgresUrl,
    settings: &Settings,
    background: &Handle,
    write_health: &Arc<WriteHealth>,
) -> Result<Pool, DatabaseError> {
    let server = Server::new(url, settings)?;
    pool_of(server, "", settings, background, write_health)
}

/// For statements that are planned while their tables are nearly empty and are run when they are full: the plan that is right later, too.
/// Where there is no index, the price that this puts on reading a table would have it compiled.
pub(super) const BY_INDEX: &str = "; SET LOCAL enable_seqscan = off; SET LOCAL jit = off";

pub(super) fn pool_of(
    server: Server,
    first: &str,
    settings: &Settings,
    background: &Handle,
    write_health: &Arc<WriteHealth>,
) -> Result<Pool, DatabaseError> {
    // Zero means none.
    let milliseconds = |limit: Option<Duration>| limit.map_or(0, |limit| limit.as_millis().max(1));
    let local = format!(
        "; SET LOCAL statement_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = {}{first}",
        milliseconds(settings.statement_timeout),
        // For a process that was stopped in the middle of one: it would keep others out for as long.
        milliseconds(settings.longest_hold().map(|limit| limit * 2)),
    );
    let manager = Manager {
        server,
        local: local.into(),
        background: background.clone(),
        write_health: Arc::clone(write_health),
        answers: Arc::default(),
    };
    settings.pool(manager, settings.max_connections, QueueMode::Lifo)
}

/// A connection. When the server lets nobody else in, one that comes back in time: of our own, or a place that somebody else leaves. When
/// none comes back since the server does not answer, that is the error.
pub(super) async fn get(
    pool: &Pool,
    timeout: Duration,
) -> Result<Object<Manager>, managed::PoolError<diesel::ConnectionError>> {
    let until = tokio::time::Instant::now() + timeout;
    let mut pause = Duration::from_millis(10);
    let answers = &pool.manager().answers;
    let before = answers.count();
    loop {
        match pool.get().await {
            Err(managed::PoolError::Backend(error))
                if is_crowded(&error) && tokio::time::Instant::now() < until =>
            {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(200));
            }
            Err(managed::PoolError::Timeout(managed::TimeoutType::Wait))
                if answers.are_missing(pool.status().max_size, before) =>
            {
                return Err(managed::PoolError::Backend(
                    diesel::ConnectionError::BadConnection(format!(
                        "it has not answered for {timeout:?}, and every connection awaits an answer"
                    )),
                ));
            }
            result => return result,
        }
    }
}

impl managed::Manager for Manager {
    type Type = Pooled;
    type Error = diesel::ConnectionError;

    async fn create(&self) -> Result<Pooled, diesel::ConnectionError> {
        let (server, local) = (self.server.clone(), Arc::clone(&self.local));
        let health = Arc::clone(&self.write_health);
        let awaiting = self.answers.connection();
        awaiting.ask();
        // What drives the connection runs where it is made.
        let connected = self.background.spawn(async move {
            let open = server.open().await?;
            let mut connection = open.connection;
            let prepared = server.pooler.keeps_prepared();
            if !prepared {
                connection.set_prepared_statement_cache_size(CacheSize::Disabled);
            }
            awaiting.answer();
            let noted = Arc::new(ConnectionFlags {
                broken: AtomicBool::new(false),
                repeat: AtomicBool::new(false),
                awaiting,
            });
            let (pooler, told) = (server.pooler.clone(), Arc::clone(&noted));
            connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                health.observe(&event);
                match event {
                    InstrumentationEvent::StartQuery { .. } => told.awaiting.ask(),
                    InstrumentationEvent::FinishQuery { error, .. } => {
                        told.awaiting.answer();
                        if let Some(error) = error {
                            told.observe(error, &pooler);
                        }
                    }
                    _ => {}
                }
            });
            Ok(Pooled {
                connection,
                begin: Begin::new(&local, open.commits),
                timeline: open.timeline,
                prepared,
                noted,
            })
        });
        connected
            .await
            .map_err(|error| diesel::ConnectionError::BadConnection(error.to_string()))?
    }

    async fn recycle(
        &self,
        pooled: &mut Pooled,
        _: &Metrics,
    ) -> RecycleResult<diesel::ConnectionError> {
        use diesel_async::pooled_connection::PoolableConnection as _;
        // True as well when the server has closed it.
        if pooled.connection.is_broken() || pooled.noted.broken.load(Ordering::Acquire) {
            return Err(RecycleError::message("the connection is broken"));
        }
        if !self.server.is_current(pooled.timeline) {
            return Err(RecycleError::message("it leads to a former primary"));
        }
        if pooled.prepared && !self.server.pooler.keeps_prepared() {
            return Err(RecycleError::message("it keeps prepared statements"));
        }
        Ok(())
    }
}

impl lent_connection::Manager for Manager {
    async fn discard(object: Object<Self>) {
        let token = object.connection.cancel_token();
        if let Some(pool) = Object::pool(&object) {
            // The server finds out that a connection is gone when it next looks, which a long query does not do.
            let cancel = pool.manager().server.cancel(token);
            let _ = tokio::time::timeout(Duration::from_secs(5), cancel).await;
        }
        drop(Object::take(object));
    }
}

impl ConnectionFlags {
    /// Whether a statement awaits the answer of the server.
    pub(super) fn is_awaiting(&self) -> bool {
        self.awaiting.is_awaiting()
    }

    #[cold]
    fn observe(&self, error: &diesel::result::Error, pooler: &Pooler) {
        // A server that lets nobody write may be one that another has taken the place of, and a setting that says so is one of the
        // connection: the next one asks again.
        let read_only = Refusal::of(error) == Some(Refusal::ReadOnly);
        if pooler.observe(error) || read_only {
            self.broken.store(true, Ordering::Release);
        }
        if asks_to_repeat(error) {
            self.repeat.store(true, Ordering::Release);
        }
    }
}

/// `serialization_failure` (40001) and `deadlock_detected` (40P01): diesel has a kind for the first, and keeps the words of the second.
fn asks_to_repeat(error: &diesel::result::Error) -> bool {
    use diesel::result::DatabaseErrorKind::SerializationFailure;
    match error {
        diesel::result::Error::DatabaseError(SerializationFailure, _) => true,
        diesel::result::Error::DatabaseError(_, information) => {
            information.message() == "deadlock detected"
        }
        _ => false,
    }
}

impl Pooled {
    pub(super) async fn begin(&mut self, mode: TransactionMode) -> diesel::QueryResult<()> {
        self.noted.repeat.store(false, Ordering::Release);
        let begin = &self.begin;
        let sql = match mode {
            TransactionMode::Read => &begin.read,
            TransactionMode::Write => &begin.write,
            TransactionMode::Serializable => &begin.serializable,
        };
        AnsiTransactionManager::begin_transaction_sql(&mut self.connection, sql).await
    }

    /// What is seen of it, for those who cannot ask it meanwhile.
    pub(super) fn noted(&self) -> Arc<ConnectionFlags> {
        Arc::clone(&self.noted)
    }

    /// Whether the server has given the last transaction up, and asks to repeat it.
    pub(super) fn asks_to_repeat(&self) -> bool {
        self.noted.repeat.load(Ordering::Acquire)
    }
}

pub(super) async fn end(connection: &mut PgConnection, commit: bool) -> diesel::QueryResult<()> {
    if commit {
        AnsiTransactionManager::commit_transaction(connection).await
    } else {
        AnsiTransactionManager::rollback_transaction(connection).await
    }
}

/// Looks whether a pooler stands before the server, unless a setting says so.
pub(super) async fn look_for_pooler(
    server: &Server,
    background: &Handle,
) -> Result<(), diesel::ConnectionError> {
    let server = server.clone();
    let looked = background.spawn(async move { server.look_for_pooler().await });
    looked
        .await
        .map_err(|error| diesel::ConnectionError::BadConnection(error.to_string()))?
}

/// Runs the app's migrations that are pending, with a connection of its own. Blocks the thread.
///
/// Those that start at the same time wait for a lock of a transaction: one of a session could not be released through a pooler. All
/// that is pending is done in that transaction, unless a migration says that it cannot run in one. Then the lock is held by another connection
/// meanwhile, and the statements need a connection that leads to the server itself.
pub(super) fn migrate(
    server: &Server,
    lock: i64,
    source: &(impl MigrationSource<Pg> + Clone),
) -> diesel::migration::Result<()> {
    use diesel::connection::SimpleConnection;
    let connect = || {
        let mut connection = Handle::current().block_on(server.connect())?;
        connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        Ok::<_, diesel::ConnectionError>(AsyncConnectionWrapper::<PgConnection>::from(connection))
    };
    let locked = format!(
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
         SELECT pg_advisory_xact_lock({lock})"
    );
    let in_one = source
        .migrations()?
        .iter()
        .all(|migration| migration.metadata().run_in_transaction());
    let mut connection = connect()?;
    let mut holder = if in_one { None } else { Some(connect()?) };
    let undone = |error: diesel::result::Error| Undone(error.into());
    let pending = |connection: &mut AsyncConnectionWrapper<PgConnection>| {
        let run = connection
            .run_pending_migrations(source.clone())
            .map_err(Undone)?;
        let run = run
            .iter()
            .map(diesel::migration::MigrationVersion::as_owned);
        Ok::<_, Undone>(run.collect::<Vec<_>>())
    };
    let run = match &mut holder {
        Some(holder) => diesel::Connection::transaction(holder, |holder| {
            SimpleConnection::batch_execute(holder, &locked).map_err(undone)?;
            pending(&mut connection)
        }),
        None => diesel::Connection::transaction(&mut connection, |connection| {
            SimpleConnection::batch_execute(connection, &locked).map_err(undone)?;
            pending(connection)
        }),
    };
    app_migrations::say(source, &run?);
    Ok(())
}
