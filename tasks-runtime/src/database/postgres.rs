//! Connections to PostgreSQL.

mod tls;

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, QueueMode, RecycleError, RecycleResult};
use diesel::connection::InstrumentationEvent;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel_async::TransactionManager as _;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AnsiTransactionManager, AsyncConnection as _, SimpleAsyncConnection as _};
use diesel_migrations::MigrationHarness as _;
use tokio::runtime::Handle;

use super::DatabaseError;
use super::lease;
use super::settings::Settings;
use super::write_health::WriteHealth;

/// The connection that a query gets when the database is PostgreSQL: diesel-async's own.
pub type PgConnection = diesel_async::AsyncPgConnection;

pub(super) type Pool = managed::Pool<Manager>;

/// Connects to one server.
pub(super) struct Manager {
    pub(super) server: Server,
    set_up: String,
    background: Handle,
    write_health: Arc<WriteHealth>,
}

/// How the server is spoken to.
#[derive(Clone)]
pub(crate) struct Server {
    url: String,
    #[cfg(feature = "postgres-tls")]
    tls: Option<tokio_postgres_rustls::MakeRustlsConnect>,
}

impl Server {
    /// Reads what the URL says of encryption, which tokio-postgres reads in part.
    pub(super) fn new(url: &str) -> Result<Self, DatabaseError> {
        let options = tls::Options::take(url)?;
        if !options.required {
            return Ok(Self {
                url: options.url,
                #[cfg(feature = "postgres-tls")]
                tls: None,
            });
        }
        #[cfg(feature = "postgres-tls")]
        return Ok(Self {
            tls: Some(options.connector()?),
            url: options.url,
        });
        #[cfg(not(feature = "postgres-tls"))]
        Err(DatabaseError::Configuration(
            "the URL asks for an encrypted connection, and this program is built without: turn the feature `postgres-tls` of \
             `tasks-runtime` or `tasks-web` on"
                .to_owned(),
        ))
    }

    async fn connect(&self) -> diesel::ConnectionResult<PgConnection> {
        #[cfg(feature = "postgres-tls")]
        if let Some(tls) = &self.tls {
            let connected = tokio_postgres::connect(&self.url, tls.clone()).await;
            let (client, connection) = connected
                .map_err(|error| diesel::ConnectionError::BadConnection(tls::explain(&error)))?;
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
        let mut connection = self.connect().await.map_err(broken)?;
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
    pool_of(Server::new(url)?, "", settings, background, write_health)
}

/// For statements that are planned while their tables are nearly empty and are run when they are full: the plan that is right later, too.
/// Where there is no index, the price that this puts on reading a table would have it compiled.
pub(super) const BY_INDEX: &str = "SET enable_seqscan = off; SET jit = off; ";

pub(super) fn pool_of(
    server: Server,
    first: &str,
    settings: &Settings,
    background: &Handle,
    write_health: &Arc<WriteHealth>,
) -> Result<Pool, DatabaseError> {
    // Zero means none.
    let milliseconds = |limit: Option<Duration>| limit.map_or(0, |limit| limit.as_millis().max(1));
    let manager = Manager {
        server,
        set_up: format!(
            "{first}SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}",
            milliseconds(settings.statement_timeout),
            // For a process that was stopped in the middle of one: it would keep others out for as long.
            milliseconds(settings.longest_hold().map(|limit| limit * 2)),
        ),
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
    type Type = PgConnection;
    type Error = diesel::ConnectionError;

    async fn create(&self) -> Result<PgConnection, diesel::ConnectionError> {
        let (server, set_up) = (self.server.clone(), self.set_up.clone());
        let health = Arc::clone(&self.write_health);
        // What drives the connection runs where it is made.
        let connected = self.background.spawn(async move {
            let mut connection = server.connect().await?;
            connection
                .batch_execute(&set_up)
                .await
                .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
            connection
                .set_instrumentation(move |event: InstrumentationEvent<'_>| health.observe(&event));
            Ok(connection)
        });
        connected
            .await
            .map_err(|error| diesel::ConnectionError::BadConnection(error.to_string()))?
    }

    async fn recycle(
        &self,
        connection: &mut PgConnection,
        _: &Metrics,
    ) -> RecycleResult<diesel::ConnectionError> {
        use diesel_async::pooled_connection::PoolableConnection as _;
        // True as well when the server has closed it.
        if connection.is_broken() {
            return Err(RecycleError::message("the connection is broken"));
        }
        Ok(())
    }
}

impl lease::Manager for Manager {
    async fn discard(object: Object<Self>) {
        let token = object.cancel_token();
        if let Some(pool) = Object::pool(&object) {
            // The server finds out that a connection is gone when it next looks, which a long query does not do.
            let cancel = pool.manager().server.cancel(token);
            let _ = tokio::time::timeout(Duration::from_secs(5), cancel).await;
        }
        drop(Object::take(object));
    }
}

pub(super) async fn begin(connection: &mut PgConnection, write: bool) -> diesel::QueryResult<()> {
    let sql = if write {
        "BEGIN"
    } else {
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    };
    AnsiTransactionManager::begin_transaction_sql(connection, sql).await
}

pub(super) async fn end(connection: &mut PgConnection, commit: bool) -> diesel::QueryResult<()> {
    if commit {
        AnsiTransactionManager::commit_transaction(connection).await
    } else {
        AnsiTransactionManager::rollback_transaction(connection).await
    }
}

/// Runs the app's migrations that are pending, with a connection of its own. Blocks the thread.
pub(super) fn migrate(
    server: &Server,
    lock: i64,
    source: impl MigrationSource<Pg>,
) -> diesel::migration::Result<()> {
    use diesel::connection::SimpleConnection;
    let connection = Handle::current().block_on(server.connect())?;
    let mut connection = AsyncConnectionWrapper::<PgConnection>::from(connection);
    // Of the connection, so that migrations may do what cannot be done in a transaction. Gone with it.
    SimpleConnection::batch_execute(&mut connection, &format!("SELECT pg_advisory_lock({lock})"))?;
    connection.run_pending_migrations(source)?;
    Ok(())
}
