//! What is asked of a database to know how it is.

use std::sync::LazyLock;
use std::sync::atomic::Ordering;

#[cfg(feature = "sqlite")]
use super::backend::Backend;
use super::change::{DatabaseChange, TABLES};
use super::connection::Connection;
use super::error::DatabaseError;
use super::handle::{Database, Pools};
#[cfg(feature = "postgres")]
use super::session::Session;
use super::statement::statement;
use super::write_health::{self, WriteFailure};

impl Database {
    /// Asks the database for a sign of life, and whether it is still the one that was opened: its tables and its identity are there.
    ///
    /// After a [`DatabaseError::Changed`], every read and transaction asks the same first and fails with that error, until the database is as it
    /// was again.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, does not answer within the time for a connection, or is not the database that was opened.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        let session = self.session();
        let found = match self.known_identity() {
            Some(identity) => {
                let own = identity.own();
                session
                    .read_unchecked(async |conn| is_same(conn, own).await)
                    .await
            }
            None => {
                session
                    .read_unchecked(async |conn| conn.batch("SELECT 1").await)
                    .await
            }
        };
        match &found {
            Ok(()) => {
                if self.shared.changed.swap(false, Ordering::AcqRel) {
                    tracing::info!("the database is the one that was opened again");
                }
            }
            Err(DatabaseError::Changed(change)) => {
                if !self.shared.changed.swap(true, Ordering::AcqRel) {
                    tracing::error!(
                        reason = %change,
                        "the database is not the one that was opened: nothing is read or written until it is again"
                    );
                }
            }
            Err(_) => {}
        }
        found
    }

    /// Refuses a database of which a ping has found that it is not the one that was opened, unless it is again by now.
    pub(super) async fn check_unchanged(&self) -> Result<(), DatabaseError> {
        if self.shared.changed.load(Ordering::Relaxed) {
            // On the heap: this is rare, and the futures of all reads would be larger.
            return Box::pin(self.ping()).await;
        }
        Ok(())
    }

    /// Why nothing that is written is kept, and since when: the disk is full, or the database is read-only. `None` while writes
    /// succeed.
    ///
    /// Nothing is asked of the database unless a write failed before. Then a little is written: when that succeeds, all is
    /// well again.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let database = tasks_runtime::Database::sqlite_in_memory().connect().await?;
    /// assert_eq!(database.write_failure().await, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn write_failure(&self) -> Option<WriteFailure> {
        /// More than what is left of a disk that is as good as full.
        const PROBE: &str =
            "DROP TABLE IF EXISTS tasks_write_probe; CREATE TABLE tasks_write_probe (filler TEXT)";
        let health = &self.shared.write_health;
        health.failure()?;
        let filler = "x".repeat(64 * 1024);
        let written = async {
            let session = self.session();
            let insert = format!("{PROBE}; INSERT INTO tasks_write_probe VALUES ('{filler}')");
            session.execute_script(&insert).await?;
            session.execute_script("DROP TABLE tasks_write_probe").await
        };
        match written.await {
            Err(DatabaseError::Query(error)) if write_health::Refusal::of(&error).is_some() => {}
            // Whatever else is wrong says the ping.
            _ => health.recovered(),
        }
        health.failure()
    }

    /// Refuses a server that cannot keep every text.
    pub(super) async fn check_encoding(&self) -> Result<(), DatabaseError> {
        match &self.shared.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => check_encoding(&self.session()).await,
        }
    }
}

/// Refuses a database that lacks a table of this crate, or the identity.
async fn is_same(conn: &mut Connection, identity: &str) -> Result<(), DatabaseError> {
    use diesel_async::RunQueryDsl as _;

    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        found: i64,
    }
    static SQL: LazyLock<String> = LazyLock::new(|| {
        // All tables are named, and no more is read than an index says that there is no such key.
        let none: Vec<String> = TABLES
            .iter()
            .map(|(table, key)| format!("SELECT 1 FROM {table} WHERE {key} = ''"))
            .collect();
        format!(
            "SELECT (SELECT COUNT(*) FROM tasks_identities WHERE id = $1) AS found, (SELECT COUNT(*) FROM ({}) AS tables) AS others",
            none.join(" UNION ALL ")
        )
    });
    // What SQLite has read before may not be what is in the file.
    #[cfg(feature = "sqlite")]
    if conn.backend() == Backend::Sqlite {
        conn.batch("PRAGMA shrink_memory").await?;
    }
    let found: Found = crate::with_conn!(conn, |conn| {
        statement(SQL.as_str())
            .bind::<diesel::sql_types::Text, _>(identity)
            .get_result(conn)
            .await
    })?;
    if found.found == 0 {
        return Err(DatabaseError::Changed(DatabaseChange::OtherContent));
    }
    Ok(())
}

/// Refuses a database whose encoding cannot keep every text.
#[cfg(feature = "postgres")]
async fn check_encoding(session: &Session) -> Result<(), DatabaseError> {
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
