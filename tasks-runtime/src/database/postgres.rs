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
use super::connection::Access;
use super::lease;
use super::migrations::Undone;
use super::settings::Settings;
use super::url::{PostgresUrl, wrong};
use super::write_health::{Refusal, WriteHealth};
use super::{DatabaseError, Session};

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
    noted: Arc<Noted>,
}

/// What was seen of the errors of a connection.
#[derive(Default)]
struct Noted {
    /// It is of no use any more.
    broken: AtomicBool,
    /// The server has given a transaction up, and asks to repeat it.
    repeat: AtomicBool,
}

/// How transactions begin: with settings that end with them, since the next one may be run by another connection of the server.
///
/// They say how transactions are kept apart, too: the server's default may be another one than that which the statements were written for.
struct Begin {
    write: String,
    serializable: String,
    read: String,
}

/// How the server is spoken to.
#[derive(Clone)]
pub(crate) struct Server {
    config: Arc<tokio_postgres::Config>,
    pub(crate) pooler: Pooler,
    #[cfg(feature = "postgres-tls")]
    tls: Option<tokio_postgres_rustls::MakeRustlsConnect>,
}

impl Server {
    /// Reads what the URL says of the way to the server, and of prepared statements, unless a setting says that.
    pub(super) fn new(url: &PostgresUrl, settings: &Settings) -> Result<Self, DatabaseError> {
        let said = pooler::said_in(url)?;
        let pooler = Pooler::new(settings.prepared_statements.or(said));
        let options = tls::Options::said_in(url)?;
        // The driver names the parameter, and not its value.
        let mut config: tokio_postgres::Config = url
            .for_driver()?
            .parse()
            .map_err(|error: tokio_postgres::Error| wrong(&explain(&error)))?;
        config.ssl_mode(options.mode());
        if config.get_connect_timeout().is_none() && url.hosts() > 1 {
            // One that does not answer must not take the time of the next.
            let share = settings.connect_timeout / u32::try_from(url.hosts()).unwrap_or(u32::MAX);
            config.connect_timeout(share);
        }
        let config = Arc::new(config);
        if !options.required {
            return Ok(Self {
                config,
                pooler,
                #[cfg(feature = "postgres-tls")]
                tls: None,
            });
        }
        #[cfg(feature = "postgres-tls")]
        return Ok(Self {
            tls: Some(options.connector()?),
            pooler,
            config,
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
            let (client, connection) = self.config.connect(tls.clone()).await?;
            tokio::spawn(connection);
            return Ok(client);
        }
        let (client, connection) = self.config.connect(tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A connection that hears of notifications.
    async fn connect_to_listen(&self) -> diesel::ConnectionResult<PgConnection> {
        let failed =
            |error: tokio_postgres::Error| diesel::ConnectionError::BadConnection(explain(&error));
        #[cfg(feature = "postgres-tls")]
        if let Some(tls) = &self.tls {
            let connected = self.config.connect(tls.clone()).await;
            let (client, connection) = connected.map_err(failed)?;
            return PgConnection::try_from_client_and_connection(client, connection).await;
        }
        let connected = self.config.connect(tokio_postgres::NoTls).await;
        let (client, connection) = connected.map_err(failed)?;
        PgConnection::try_from_client_and_connection(client, connection).await
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
        begin: Arc::new(Begin {
            write: format!("BEGIN ISOLATION LEVEL READ COMMITTED{local}"),
            serializable: format!("BEGIN ISOLATION LEVEL SERIALIZABLE{local}"),
            read: format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{local}"),
        }),
        background: background.clone(),
        write_health: Arc::clone(write_health),
    };
    settings.pool(manager, settings.max_connections, QueueMode::Lifo)
}

/// A connection. When the server lets nobody else in, one that comes back in time: of our own, or a place that somebody else leaves.
pub(super) async fn get(
    pool: &Pool,
    patience: Duration,
) -> Result<Object<Manager>, managed::PoolError<diesel::ConnectionError>> {
    let until = tokio::time::Instant::now() + patience;
    let mut pause = Duration::from_millis(10);
    loop {
        match pool.get().await {
            Err(managed::PoolError::Backend(error))
                if is_crowded(&error) && tokio::time::Instant::now() < until =>
            {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(200));
            }
            result => return result,
        }
    }
}

/// Whether the server refuses one more connection (`too_many_connections`, 53300): diesel keeps the words alone.
pub(super) fn is_crowded(error: &diesel::ConnectionError) -> bool {
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
            let noted = Arc::<Noted>::default();
            let (pooler, told) = (server.pooler.clone(), Arc::clone(&noted));
            connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                health.observe(&event);
                if let InstrumentationEvent::FinishQuery {
                    error: Some(error), ..
                } = event
                {
                    told.observe(error, &pooler);
                }
            });
            Ok(Pooled {
                connection,
                begin,
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

impl Noted {
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
    pub(super) async fn begin(&mut self, access: Access) -> diesel::QueryResult<()> {
        self.noted.repeat.store(false, Ordering::Release);
        let begin = &self.begin;
        let sql = match access {
            Access::Read => &begin.read,
            Access::Write => &begin.write,
            Access::Serializable => &begin.serializable,
        };
        AnsiTransactionManager::begin_transaction_sql(&mut self.connection, sql).await
    }

    /// Whether the server has given the last transaction up, and asks to repeat it.
    pub(super) fn asks_to_repeat(&self) -> bool {
        self.noted.repeat.load(Ordering::Acquire)
    }
}

/// Refuses a database whose encoding cannot keep every text.
pub(super) async fn check_encoding(session: &Session) -> Result<(), DatabaseError> {
    use diesel_async::RunQueryDsl as _;

    #[derive(diesel::QueryableByName)]
    struct Encoding {
        #[diesel(sql_type = diesel::sql_types::Text)]
        encoding: String,
        #[diesel(sql_type = diesel::sql_types::Text)]
        name: String,
    }
    let found: Encoding = session
        .read(async |conn| {
            let query = diesel::sql_query(
                "SELECT current_setting('server_encoding') AS encoding, CAST(current_database() AS TEXT) AS name",
            );
            Ok::<_, DatabaseError>(crate::with_conn!(conn, |conn| query.get_result(conn).await)?)
        })
        .await?;
    if found.encoding == "UTF8" {
        return Ok(());
    }
    Err(DatabaseError::Configuration(format!(
        "the PostgreSQL database `{}` is encoded as {}, which cannot keep every text: make one by `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE \
         template0`, and take the data over by `pg_dump` and `psql`",
        found.name, found.encoding
    )))
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
