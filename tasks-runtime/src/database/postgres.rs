//! Connections to PostgreSQL.

mod pooler;
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
use diesel_async::{AnsiTransactionManager, AsyncConnection as _, SimpleAsyncConnection as _};
use diesel_migrations::MigrationHarness as _;
use tokio::runtime::Handle;

use self::pooler::Pooler;
pub(super) use self::pooler::{is_missing_statement, is_server_away};
use super::DatabaseError;
use super::lease;
use super::migrations::Undone;
use super::settings::Settings;
use super::write_health::WriteHealth;

/// The connection that a query gets when the database is PostgreSQL: diesel-async's own.
pub type PgConnection = diesel_async::AsyncPgConnection;

pub(super) type Pool = managed::Pool<Manager>;

/// Connects to one server.
pub(super) struct Manager {
    pub(super) server: Server,
    begin: Arc<Begin>,
    background: Handle,
    write_health: Arc<WriteHealth>,
}

/// A connection and what its session has to know.
pub(super) struct Pooled {
    pub(super) connection: PgConnection,
    begin: Arc<Begin>,
    /// Whether it keeps prepared statements.
    prepared: bool,
    /// Whether it is of no use any more.
    broken: Arc<AtomicBool>,
}

/// How transactions begin: with settings that end with them, since the next one may be run by another connection of the server.
struct Begin {
    write: String,
    read: String,
}

/// How the server is spoken to.
#[derive(Clone)]
pub(crate) struct Server {
    url: String,
    pub(crate) pooler: Pooler,
    #[cfg(feature = "postgres-tls")]
    tls: Option<tokio_postgres_rustls::MakeRustlsConnect>,
}

impl Server {
    /// Reads what the URL says of encryption, which tokio-postgres reads in part, and of prepared statements, unless a setting
    /// says that.
    pub(super) fn new(url: &str, prepared: Option<bool>) -> Result<Self, DatabaseError> {
        let (url, said) = pooler::take(url)?;
        let pooler = Pooler::new(prepared.or(said));
        let options = tls::Options::take(&url)?;
        if !options.required {
            return Ok(Self {
                url: options.url,
                pooler,
                #[cfg(feature = "postgres-tls")]
                tls: None,
            });
        }
        #[cfg(feature = "postgres-tls")]
        return Ok(Self {
            tls: Some(options.connector()?),
            pooler,
            url: options.url,
        });
        #[cfg(not(feature = "postgres-tls"))]
        Err(DatabaseError::Configuration(
            "the URL asks for an encrypted connection, and this program is built without: turn the feature `postgres-tls` of \
             `tasks-runtime` or `tasks-web` on"
                .to_owned(),
        ))
    }

    /// A connection that is set up in a transaction: diesel-async prepares what it does for that, and behind a pooler the statement
    /// would be executed by another connection of the server.
    async fn connect(&self) -> diesel::ConnectionResult<PgConnection> {
        let client = self
            .client()
            .await
            .map_err(|error| diesel::ConnectionError::BadConnection(explain(&error)))?;
        let failed =
            |error: tokio_postgres::Error| diesel::ConnectionError::BadConnection(explain(&error));
        client.batch_execute("BEGIN").await.map_err(failed)?;
        let mut connection = PgConnection::try_from(client).await?;
        connection
            .batch_execute("COMMIT")
            .await
            .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    }

    /// A client whose connection is driven by this runtime, until the client is gone.
    async fn client(&self) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        #[cfg(feature = "postgres-tls")]
        if let Some(tls) = &self.tls {
            let (client, connection) = tokio_postgres::connect(&self.url, tls.clone()).await?;
            tokio::spawn(connection);
            return Ok(client);
        }
        let (client, connection) =
            tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A connection that hears of notifications.
    async fn connect_to_listen(&self) -> diesel::ConnectionResult<PgConnection> {
        #[cfg(feature = "postgres-tls")]
        if let Some(tls) = &self.tls {
            let connected = tokio_postgres::connect(&self.url, tls.clone()).await;
            let (client, connection) = connected
                .map_err(|error| diesel::ConnectionError::BadConnection(explain(&error)))?;
            return PgConnection::try_from_client_and_connection(client, connection).await;
        }
        PgConnection::establish(&self.url).await
    }

    /// Listens to a channel, with a connection of its own. The stream ends with the connection.
    pub(crate) async fn listen(
        &self,
        channel: &str,
    ) -> Result<impl futures_util::Stream<Item = ()> + use<>, DatabaseError> {
        let broken =
            |error: diesel::ConnectionError| DatabaseError::Configuration(error.to_string());
        let mut connection = self.connect_to_listen().await.map_err(broken)?;
        connection
            .batch_execute(&format!("LISTEN {channel}"))
            .await?;
        Ok(futures_util::stream::unfold(
            connection,
            |mut connection| async move {
                let next = {
                    let mut notifications = std::pin::pin!(connection.notifications_stream());
                    futures_util::StreamExt::next(&mut notifications).await
                };
                match next {
                    Some(Ok(_)) => Some(((), connection)),
                    _ => None,
                }
            },
        ))
    }

    async fn cancel(&self, token: tokio_postgres::CancelToken) {
        #[cfg(feature = "postgres-tls")]
        if let Some(tls) = &self.tls {
            let _ = token.cancel_query(tls.clone()).await;
            return;
        }
        let _ = token.cancel_query(tokio_postgres::NoTls).await;
    }
}

pub(super) fn pool(
    url: &str,
    settings: &Settings,
    background: &Handle,
    write_health: &Arc<WriteHealth>,
) -> Result<Pool, DatabaseError> {
    let server = Server::new(url, settings.prepared_statements)?;
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
        begin: Arc::new(Begin {
            write: format!("BEGIN{local}"),
            read: format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{local}"),
        }),
        background: background.clone(),
        write_health: Arc::clone(write_health),
    };
    settings.pool(manager, settings.max_connections, QueueMode::Lifo)
}

/// A connection. When the server lets nobody else in, one of our own that comes back in time.
pub(super) async fn get(
    pool: &Pool,
    patience: Duration,
) -> Result<Object<Manager>, managed::PoolError<diesel::ConnectionError>> {
    let until = tokio::time::Instant::now() + patience;
    let mut pause = Duration::from_millis(10);
    loop {
        match pool.get().await {
            Err(managed::PoolError::Backend(error))
                if is_crowded(&error)
                    && pool.status().size > 0
                    && tokio::time::Instant::now() < until =>
            {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(200));
            }
            result => return result,
        }
    }
}

/// Whether the server refuses one more connection (`too_many_connections`, 53300): diesel keeps the words alone.
fn is_crowded(error: &diesel::ConnectionError) -> bool {
    let text = error.to_string();
    [
        "too many clients",
        "too many connections",
        "connection slots",
    ]
    .iter()
    .any(|words| text.contains(words))
}

impl managed::Manager for Manager {
    type Type = Pooled;
    type Error = diesel::ConnectionError;

    async fn create(&self) -> Result<Pooled, diesel::ConnectionError> {
        let (server, begin) = (self.server.clone(), Arc::clone(&self.begin));
        let health = Arc::clone(&self.write_health);
        // What drives the connection runs where it is made.
        let connected = self.background.spawn(async move {
            let mut connection = server.connect().await?;
            let prepared = server.pooler.keeps_prepared();
            if !prepared {
                connection.set_prepared_statement_cache_size(CacheSize::Disabled);
            }
            let broken = Arc::<AtomicBool>::default();
            let (pooler, noted) = (server.pooler.clone(), Arc::clone(&broken));
            connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                health.observe(&event);
                if let InstrumentationEvent::FinishQuery {
                    error: Some(error), ..
                } = event
                    && pooler.observe(error)
                {
                    noted.store(true, Ordering::Release);
                }
            });
            Ok(Pooled {
                connection,
                begin,
                prepared,
                broken,
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
        if pooled.connection.is_broken() || pooled.broken.load(Ordering::Acquire) {
            return Err(RecycleError::message("the connection is broken"));
        }
        if pooled.prepared && !self.server.pooler.keeps_prepared() {
            return Err(RecycleError::message("it keeps prepared statements"));
        }
        Ok(())
    }
}

impl lease::Manager for Manager {
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

impl Pooled {
    pub(super) async fn begin(&mut self, write: bool) -> diesel::QueryResult<()> {
        let begin = &self.begin;
        let sql = if write { &begin.write } else { &begin.read };
        AnsiTransactionManager::begin_transaction_sql(&mut self.connection, sql).await
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
    let looked = background.spawn(async move { server.pooler.look(&server).await });
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
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
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
    super::migrations::say(source, &run?);
    Ok(())
}

/// The error and what it comes from: tokio-postgres says only that there was one.
fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
