//! A pooler in transaction mode, such as PgBouncer, that may stand between this process and PostgreSQL.
//!
//! Each transaction may be run by another connection of the server. So nothing here relies on the state of a connection: settings are
//! those of a transaction, and what would rely on it, prepared statements that are kept and `LISTEN`, is left out once a pooler is known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::QueryableByName;
use diesel::connection::CacheSize;
use diesel::result::Error;
use diesel::sql_types::Integer;
use diesel_async::{AsyncConnection as _, SimpleAsyncConnection as _};

use super::{PgConnection, Server, is_crowded};
use crate::database::DatabaseError;
use crate::database::url::{PostgresUrl, wrong};

/// How many connections are open for a look.
const CONNECTIONS: usize = 3;
/// How often each is asked which process serves it.
const ROUNDS: usize = 5;

/// What is known of the way to the server. Shared by all connections to it.
#[derive(Clone, Debug)]
pub(crate) struct Pooler(Arc<Known>);

#[derive(Debug)]
struct Known {
    /// Whether a pooler was found.
    found: AtomicBool,
    /// Whether statements are prepared once and kept.
    prepared: AtomicBool,
    /// Whether that was said, and is not found out.
    said: bool,
}

impl Pooler {
    /// What a setting says; `None` when it is to be found out.
    pub(super) fn new(prepared: Option<bool>) -> Self {
        Self(Arc::new(Known {
            found: AtomicBool::new(prepared == Some(false)),
            prepared: AtomicBool::new(prepared.unwrap_or(true)),
            said: prepared.is_some(),
        }))
    }

    /// Whether statements are prepared once and kept.
    pub(super) fn keeps_prepared(&self) -> bool {
        self.0.prepared.load(Ordering::Acquire)
    }

    /// Whether one was found, so that nothing that another connection says is heard.
    pub(crate) fn is_there(&self) -> bool {
        self.0.found.load(Ordering::Acquire)
    }

    /// Looks whether there is one: connections that are open at the same time, of which two are served by one process.
    pub(super) async fn look(&self, server: &Server) -> Result<(), diesel::ConnectionError> {
        if self.0.said {
            return Ok(());
        }
        let failed = diesel::ConnectionError::CouldntSetupConfiguration;
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            match server.connect().await {
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
                    self.found("two connections are served by one process of PostgreSQL");
                    return Ok(());
                }
                seen.push((index, process));
            }
        }
        Ok(())
    }

    /// Looks at what a statement came to. `true` when its connection is of no use any more.
    pub(super) fn observe(&self, error: &Error) -> bool {
        if !is_missing_statement(error) {
            return is_protocol_error(error);
        }
        self.found("a prepared statement was not there");
        true
    }

    #[cold]
    fn found(&self, reason: &str) {
        self.0.prepared.store(false, Ordering::Release);
        if !self.0.found.swap(true, Ordering::AcqRel) {
            tracing::warn!(
                reason,
                "a pooler in transaction mode stands before PostgreSQL: statements are not kept prepared from now on, and jobs that \
                 other processes submit are found by looking each second; `?prepared_statements=false` in the URL says so from the start"
            );
        }
    }
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

/// `invalid_sql_statement_name` (26000) and `duplicate_prepared_statement` (42P05): diesel keeps the words alone.
pub(in crate::database) fn is_missing_statement(error: &Error) -> bool {
    let Error::DatabaseError(_, information) = error else {
        return false;
    };
    let message = information.message();
    message.starts_with("prepared statement \"")
        && (message.ends_with("does not exist") || message.ends_with("already exists"))
}

/// Whether the server is away: the words of PostgreSQL (57P01 to 57P03, `admin_shutdown` and its like), and of PgBouncer, which answers in
/// its place.
pub(in crate::database) fn is_server_away(error: &Error) -> bool {
    const WORDS: [&str; 9] = [
        "terminating connection",
        "the database system is",
        "server conn crashed",
        "server connection closed",
        "server login has been failing",
        "server login failed",
        "query_wait_timeout",
        "pgbouncer cannot connect",
        "no more connections allowed",
    ];
    let Error::DatabaseError(_, information) = error else {
        return false;
    };
    let message = information.message();
    WORDS.iter().any(|words| message.contains(words))
}

/// What says that the two sides do not understand each other any more.
fn is_protocol_error(error: &Error) -> bool {
    use diesel::result::DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    match error {
        Error::DatabaseError(ClosedConnection | UnableToSendCommand, _) => true,
        error if is_server_away(error) => true,
        Error::DatabaseError(_, information) => {
            let message = information.message();
            message.contains("protocol") || message.starts_with("unexpected message from server")
        }
        _ => false,
    }
}

/// What a URL says of prepared statements, which is not PostgreSQL's: `prepared_statements=false`, or `pgbouncer=true`, as others spell
/// it.
pub(super) fn said_in(url: &PostgresUrl) -> Result<Option<bool>, DatabaseError> {
    let flag = |name: &str| match url.get(name) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(wrong(&format!(
            "its `{name}` is neither `true` nor `false`"
        ))),
    };
    let (prepared, pgbouncer) = (flag("prepared_statements")?, flag("pgbouncer")?);
    Ok(prepared.or((pgbouncer == Some(true)).then_some(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_says_of_prepared_statements() {
        let said = |url: &str| PostgresUrl::parse(url).and_then(|url| said_in(&url));
        for (url, prepared) in [
            ("postgres://a@b/c", None),
            ("postgres://a@b/c?prepared_statements=false", Some(false)),
            (
                "postgres://a@b/c?pgbouncer=true&application_name=y",
                Some(false),
            ),
            (
                "postgres://a@b/c?pgbouncer=true&prepared_statements=true",
                Some(true),
            ),
            ("postgres://a@b/c?pgbouncer=false", None),
        ] {
            assert_eq!(said(url).unwrap(), prepared, "{url}");
        }
        let error = said("postgres://a@b/c?pgbouncer=maybe")
            .unwrap_err()
            .to_string();
        assert!(error.contains("`pgbouncer`"), "{error}");
    }
}
