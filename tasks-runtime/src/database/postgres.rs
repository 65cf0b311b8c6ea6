//! Connections to PostgreSQL.

use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, QueueMode, RecycleError, RecycleResult};
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel_async::TransactionManager as _;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AnsiTransactionManager, AsyncConnection as _, SimpleAsyncConnection as _};
use diesel_migrations::MigrationHarness as _;
use tokio::runtime::Handle;

use super::DatabaseError;
use super::builder::Settings;
use super::lease;

/// The connection that a query gets when the database is PostgreSQL: diesel-async's own.
pub type PgConnection = diesel_async::AsyncPgConnection;

pub(super) type Pool = managed::Pool<Manager>;

/// Connects to one server.
pub(super) struct Manager {
    url: String,
    set_up: String,
    background: Handle,
}

pub(super) fn pool(
    url: &str,
    settings: &Settings,
    background: &Handle,
) -> Result<Pool, DatabaseError> {
    // Zero means none.
    let milliseconds = |limit: Option<Duration>| limit.map_or(0, |limit| limit.as_millis().max(1));
    let manager = Manager {
        url: url.to_owned(),
        set_up: format!(
            "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}",
            milliseconds(settings.statement_timeout),
            // For a process that was stopped in the middle of one: it would keep others out for as long.
            milliseconds(settings.longest_hold().map(|limit| limit * 2)),
        ),
        background: background.clone(),
    };
    settings.pool(manager, settings.max_connections, QueueMode::Lifo)
}

impl managed::Manager for Manager {
    type Type = PgConnection;
    type Error = diesel::ConnectionError;

    async fn create(&self) -> Result<PgConnection, diesel::ConnectionError> {
        let (url, set_up) = (self.url.clone(), self.set_up.clone());
        // What drives the connection runs where it is made.
        let connected = self.background.spawn(async move {
            let mut connection = PgConnection::establish(&url).await?;
            connection
                .batch_execute(&set_up)
                .await
                .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
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
        // The server finds out that a connection is gone when it next looks, which a long query does not do.
        let _ = tokio::time::timeout(
            Duration::from_secs(5),
            token.cancel_query(tokio_postgres::NoTls),
        )
        .await;
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
    url: &str,
    lock: i64,
    source: impl MigrationSource<Pg>,
) -> diesel::migration::Result<()> {
    use diesel::connection::SimpleConnection;
    let mut connection =
        <AsyncConnectionWrapper<PgConnection> as diesel::Connection>::establish(url)?;
    // Of the connection, so that migrations may do what cannot be done in a transaction. Gone with it.
    SimpleConnection::batch_execute(&mut connection, &format!("SELECT pg_advisory_lock({lock})"))?;
    connection.run_pending_migrations(source)?;
    Ok(())
}
