//! What is asked of a database to know how it is.

use super::error::DatabaseError;
use super::handle::{Database, Pools};
#[cfg(feature = "postgres")]
use super::session::Session;
use super::write_health::{self, WriteFailure};

impl Database {
    /// Asks the database for a sign of life.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or does not answer within the time for a connection.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.session()
            .read(async |conn| conn.batch("SELECT 1").await)
            .await
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
