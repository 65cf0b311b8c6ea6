//! The way to a PostgreSQL server.

use std::sync::Arc;

use diesel::QueryableByName;
use diesel::connection::CacheSize;
use diesel::sql_types::Integer;
use diesel_async::{AsyncConnection as _, SimpleAsyncConnection as _};

use super::durability::Durability;
use super::failure::is_crowded;
use super::pooler::{self, Pooler};
use super::timelines::{self, Timeline, Timelines};
use super::tls::{Encryption, TlsOptions};
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
    /// Each host alone, if there are several.
    hosts: Arc<[tokio_postgres::Config]>,
    timelines: Timelines,
    pub(crate) pooler: Pooler,
    #[cfg(feature = "postgres-tls")]
    tls: Option<tokio_postgres_rustls::MakeRustlsConnect>,
}

impl Server {
    /// Reads what the URL says of the way to the server, and of prepared statements, unless a setting says that.
    pub(super) fn new(url: &PostgresUrl, settings: &Settings) -> Result<Self, DatabaseError> {
        let said = pooler::from_url(url)?;
        let pooler = Pooler::new(settings.prepared_statements.or(said));
        let options = TlsOptions::from_url(url)?;
        let config = |url: &PostgresUrl| {
            // The driver names the parameter, and not its value.
            let mut config: tokio_postgres::Config = url
                .for_driver()?
                .parse()
                .map_err(|error: tokio_postgres::Error| wrong(&explain(&error)))?;
            config.ssl_mode(options.mode());
            Ok::<_, DatabaseError>(config)
        };
        let each = url.each_host();
        let hosts = each.iter().map(config).collect::<Result<Vec<_>, _>>()?;
        let mut config = config(url)?;
        if config.get_connect_timeout().is_none() && url.hosts() > 1 {
            // One that does not answer must not take the time of the next.
            let share = settings.connect_timeout / u32::try_from(url.hosts()).unwrap_or(u32::MAX);
            config.connect_timeout(share);
        }
        let (config, hosts) = (Arc::new(config), Arc::from(hosts));
        let timelines = Timelines::default();
        // Without the feature, a server that may encrypt does not have to.
        let is_off = match options.encryption {
            Encryption::Off => true,
            Encryption::Preferred => cfg!(not(feature = "postgres-tls")),
            Encryption::Required => false,
        };
        if is_off {
            return Ok(Self {
                config,
                hosts,
                timelines,
                pooler,
                #[cfg(feature = "postgres-tls")]
                tls: None,
            });
        }
        #[cfg(feature = "postgres-tls")]
        return Ok(Self {
            tls: Some(options.connector()?),
            config,
            hosts,
            timelines,
            pooler,
        });
        #[cfg(not(feature = "postgres-tls"))]
        Err(DatabaseError::Configuration(
            "the URL asks for an encrypted connection, and this program is built without: turn the feature `postgres-tls` of \
             `tasks-runtime` or `tasks-web` on"
                .to_owned(),
        ))
    }

    /// A connection to the primary, and to no former one.
    pub(super) async fn connect(&self) -> diesel::ConnectionResult<PgConnection> {
        Ok(self.open().await?.connection)
    }

    /// The same, with what is to be known of it.
    pub(super) async fn open(&self) -> diesel::ConnectionResult<OpenConnection> {
        let reason = match self.open_by(&self.config).await {
            Err(OpenError::FormerPrimary(reason)) => reason,
            result => {
                self.timelines.set_refused(false);
                return result.map_err(|error| match error {
                    OpenError::FormerPrimary(reason) => {
                        diesel::ConnectionError::BadConnection(reason)
                    }
                    OpenError::Other(error) => error,
                });
            }
        };
        // The first host that lets anybody in is the wrong one: perhaps another is the right one.
        for host in self.hosts.iter() {
            if let Ok(open) = self.open_by(host).await {
                self.timelines.set_refused(false);
                return Ok(open);
            }
        }
        self.timelines.set_refused(true);
        Err(diesel::ConnectionError::BadConnection(reason))
    }

    /// Whether the last connection was refused because it leads to a former primary.
    pub(in crate::database) fn is_former_primary(&self) -> bool {
        self.timelines.is_refused()
    }

    /// A connection that is set up in a transaction: diesel-async prepares what it does for that, and behind a pooler the statement
    /// would be executed by another connection of the server.
    async fn open_by(&self, config: &tokio_postgres::Config) -> Result<OpenConnection, OpenError> {
        let client = self.client(config).await?;
        let (commits, timeline) = self.begin(&client).await?;
        let mut connection = PgConnection::try_from(client).await?;
        connection
            .batch_execute("COMMIT")
            .await
            .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
        Ok(OpenConnection {
            connection,
            commits,
            timeline,
        })
    }

    /// Begins a transaction, and asks the server how it commits, and on which timeline it is.
    async fn begin(
        &self,
        client: &tokio_postgres::Client,
    ) -> Result<(Option<Durability>, Timeline), OpenError> {
        const BEGIN: &str =
            "BEGIN; SELECT pg_catalog.current_setting('synchronous_commit', true) AS commits";
        let mut answers = None;
        if self.timelines.are_known() {
            let asked = client
                .simple_query(&format!("{BEGIN}; {}", timelines::QUERY))
                .await;
            match asked {
                Ok(found) => answers = Some(found),
                Err(error) => {
                    let Some(code) = error.code() else {
                        return Err(error.into());
                    };
                    self.timelines.not_answered(code);
                    client.batch_execute("ROLLBACK").await?;
                }
            }
        }
        let answers = match answers {
            Some(answers) => answers,
            None => client.simple_query(BEGIN).await?,
        };
        let mut rows = answers.iter().filter_map(|answer| match answer {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let commits = rows.next().and_then(|row| row.get(0));
        let state = rows.next();
        let timeline = self
            .timelines
            .admit(
                state.and_then(|row| row.get(0)),
                state.and_then(|row| row.get(1)),
            )
            .map_err(OpenError::FormerPrimary)?;
        Ok((commits.and_then(Durability::of), timeline))
    }

    /// Whether a connection still leads to the primary, as far as that is known.
    pub(super) fn is_current(&self, timeline: Timeline) -> bool {
        self.timelines.is_current(timeline)
    }

    /// A client whose connection is driven by this runtime, until the client is gone.
    async fn client(
        &self,
        config: &tokio_postgres::Config,
    ) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        #[cfg(feature = "postgres-tls")]
        if let Some(tls) = &self.tls {
            let (client, connection) = config.connect(tls.clone()).await?;
            tokio::spawn(connection);
            return Ok(client);
        }
        let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A connection that hears of notifications.
    ///
    /// It leads to the first host that lets it in. To a former primary it is of no use, and does no harm: workers look each second as well.
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

/// A connection, and what was seen of its server.
pub(super) struct OpenConnection {
    pub(super) connection: PgConnection,
    pub(super) commits: Option<Durability>,
    pub(super) timeline: Timeline,
}

enum OpenError {
    /// Another server has taken its place; the reason, for people.
    FormerPrimary(String),
    Other(diesel::ConnectionError),
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Other(diesel::ConnectionError::BadConnection(explain(&error)))
    }
}

impl From<diesel::ConnectionError> for OpenError {
    fn from(error: diesel::ConnectionError) -> Self {
        Self::Other(error)
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
