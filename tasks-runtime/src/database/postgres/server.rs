//! The way to a PostgreSQL server.

use std::sync::Arc;

use diesel::QueryableByName;
use diesel::connection::CacheSize;
use diesel::sql_types::Integer;
use diesel_async::{AsyncConnection as _, SimpleAsyncConnection as _};

use super::failure::is_crowded;
use super::pooler::{self, Pooler};
use super::tls;
use crate::database::error::DatabaseError;
use crate::database::settings::Settings;
use crate::database::url::{PostgresUrl, wrong};

/// The connection that a query gets when the database is PostgreSQL: diesel-async's own.
pub type PgConnection = diesel_async::AsyncPgConnection;

/// How many connections are open for a look.
const CONNECTIONS: usize = 3;
/// How often each is asked which process serves it.
const ROUNDS: usize = 5;

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
        let said = pooler::from_url(url)?;
        let pooler = Pooler::new(settings.prepared_statements.or(said));
        let options = tls::TlsOptions::from_url(url)?;
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
    pub(super) async fn connect(&self) -> diesel::ConnectionResult<PgConnection> {
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

    pub(super) async fn cancel(&self, token: tokio_postgres::CancelToken) {
        #[cfg(feature = "postgres-tls")]
        if let Some(tls) = &self.tls {
            let _ = token.cancel_query(tls.clone()).await;
            return;
        }
        let _ = token.cancel_query(tokio_postgres::NoTls).await;
    }

    /// Looks whether a pooler stands before it: connections that are open at the same time, of which two are served by one process.
    pub(super) async fn look_for_pooler(&self) -> Result<(), diesel::ConnectionError> {
        if self.pooler.is_configured() {
            return Ok(());
        }
        let failed = diesel::ConnectionError::CouldntSetupConfiguration;
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            match self.connect().await {
                Ok(connection) => connections.push(connection),
                // Those that there are do, and one alone tells nothing.
                Err(error) if is_crowded(&error) => break,
                Err(error) => return Err(error),
            }
        }
        if connections.len() < 2 {
            return Ok(());
        }
        // In turn, so that a free process is likely to be the one that served the last; again and again, since others may be
        // faster.
        let mut seen: Vec<(usize, i32)> = Vec::new();
        for _ in 0..ROUNDS {
            for (index, connection) in connections.iter_mut().enumerate() {
                let process = process_of(connection).await.map_err(failed)?;
                if seen
                    .iter()
                    .any(|(other, known)| *other != index && *known == process)
                {
                    self.pooler
                        .found("two connections are served by one process of PostgreSQL");
                    return Ok(());
                }
                seen.push((index, process));
            }
        }
        Ok(())
    }
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

/// The process of the server that runs a transaction of this connection.
async fn process_of(connection: &mut PgConnection) -> diesel::QueryResult<i32> {
    use diesel_async::RunQueryDsl as _;

    #[derive(QueryableByName)]
    struct Process {
        #[diesel(sql_type = Integer)]
        pid: i32,
    }
    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    connection.batch_execute("BEGIN").await?;
    let process: Process = diesel::sql_query("SELECT pg_backend_pid() AS pid")
        .get_result(connection)
        .await?;
    connection.batch_execute("COMMIT").await?;
    Ok(process.pid)
}
