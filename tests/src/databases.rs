//! The same test on SQLite and on PostgreSQL.

use std::fmt;

use tasks_web::{Database, with_conn};
use tempfile::TempDir;

use crate::postgres::{self, Pgbouncer, Postgres};

/// A fresh database of a test, gone with it.
pub struct TestDatabase {
    url: String,
    folder: TempDir,
    // In this order: connections of the pooler would keep the database from being removed.
    _pooler: Option<Pgbouncer>,
    server: Option<postgres::Database>,
}

impl fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestDatabase").field(&self.url).finish()
    }
}

impl TestDatabase {
    /// A file of SQLite.
    ///
    /// # Panics
    ///
    /// When no folder can be made.
    #[must_use]
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            url: format!("sqlite://{}", folder.path().join("test.db").display()),
            folder,
            _pooler: None,
            server: None,
        }
    }

    /// A database of the one PostgreSQL server of the test run.
    ///
    /// # Panics
    ///
    /// When there is no PostgreSQL; the message says how to get it.
    #[must_use]
    pub fn postgres() -> Self {
        let database = Postgres::shared()
            .and_then(postgres::Shared::database)
            .unwrap_or_else(|error| panic!("{error:#}"));
        Self {
            url: database.url(),
            folder: tempfile::tempdir().expect("a folder"),
            _pooler: None,
            server: Some(database),
        }
    }

    /// A database of the one PostgreSQL server of the test run, behind a PgBouncer of its own in transaction mode.
    ///
    /// # Panics
    ///
    /// When there is no PostgreSQL or no PgBouncer; the message says how to get it.
    #[must_use]
    pub fn pgbouncer() -> Self {
        let test = Self::postgres();
        let database = test.server.as_ref().expect("it has just been made");
        let pooler = Pgbouncer::before(database).unwrap_or_else(|error| panic!("{error:#}"));
        Self {
            url: pooler.url(database),
            _pooler: Some(pooler),
            ..test
        }
    }

    /// For `Database::from_url`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A folder for what the test writes.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Whether it is PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.server.is_some()
    }
}

/// Makes a test of each async function that takes a [`TestDatabase`], which runs it on SQLite, on PostgreSQL and on that behind a PgBouncer
/// at the same time: for tests that mostly wait.
#[macro_export]
macro_rules! on_all_databases_at_once {
    ($($name:ident),* $(,)?) => {
        mod on_all_databases {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    use $crate::databases::TestDatabase;

                    let runs = [
                        ("SQLite", tokio::spawn(async { super::$name(TestDatabase::sqlite()).await })),
                        ("PostgreSQL", tokio::spawn(async { super::$name(TestDatabase::postgres()).await })),
                        ("PgBouncer", tokio::spawn(async { super::$name(TestDatabase::pgbouncer()).await })),
                    ];
                    let mut failed = Vec::new();
                    for (name, run) in runs {
                        if run.await.is_err() {
                            failed.push(name);
                        }
                    }
                    assert!(failed.is_empty(), "it failed on {}", failed.join(", "));
                }
            )*
        }
    };
}

/// Makes three tests of each async function that takes a [`TestDatabase`]: on SQLite, on PostgreSQL, and on that behind a PgBouncer.
#[macro_export]
macro_rules! on_all_databases {
    ($($name:ident),* $(,)?) => {
        $crate::on_both_databases!($($name),*);
        mod pgbouncer {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::databases::TestDatabase::pgbouncer()).await;
                }
            )*
        }
    };
}

/// The number that a query gives as `count`.
///
/// # Errors
///
/// What the database says.
pub async fn count(database: &Database, sql: &str) -> anyhow::Result<i64> {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let found: Count = database
        .session()
        .read(async |conn| {
            with_conn!(conn, |conn| tasks_web::database::RunQueryDsl::get_result(
                diesel::sql_query(sql),
                conn
            )
            .await)
        })
        .await?;
    Ok(found.count)
}

/// Makes two tests of each async function that takes a [`TestDatabase`]: `sqlite::name` and `postgres::name`.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::databases::TestDatabase::sqlite()).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::databases::TestDatabase::postgres()).await;
                }
            )*
        }
    };
}
