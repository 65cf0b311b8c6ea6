//! Brings the tables up to date.
//!
//! The tables of this crate have a record of their own: diesel's counts versions of one sequence, and an app whose version
//! happened to be one of ours would silently miss it.

use std::sync::Arc;

use diesel::QueryableByName;
use diesel::migration::{Migration, MigrationSource};
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl as _;
use diesel_migrations::EmbeddedMigrations;

use super::app_migrations::Embedded;
use super::backend::Backend;
use super::connection::Connection;
use super::error::DatabaseError;
use super::handle::{Database, Pools};
use super::transaction_mode::TransactionMode;

/// The app's.
#[derive(Default)]
pub(super) struct Migrations {
    pub(super) all: Option<Arc<EmbeddedMigrations>>,
    pub(super) sqlite: Option<Arc<EmbeddedMigrations>>,
    pub(super) postgres: Option<Arc<EmbeddedMigrations>>,
}

/// One of ours.
struct FrameworkMigration {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! framework_migrations {
    ($($name:literal),* $(,)?) => {
        &[$(FrameworkMigration {
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        }),*]
    };
}

/// In order. What was released is never changed, only followed by another one.
const FRAMEWORK_MIGRATIONS: &[FrameworkMigration] = framework_migrations![
    "0001_artifacts",
    "0002_jobs",
    "0003_schedules",
    "0004_limited_jobs",
    "0005_status_of_jobs",
    "0006_tasks_of_workers",
    "0007_options_of_schedules",
    "0008_identities",
    "0009_declarations",
    "0010_time_of_workers",
    "0011_plain_names",
    "0012_error_codes",
    "0013_attempts",
    "0014_paused_queues",
    "0015_history",
    "0016_audit_log",
    "0017_job_operations",
    "0018_lineage",
    "0019_version_of_workers",
    "0020_steps",
];

/// Any number, as long as it is this one: PostgreSQL's advisory locks are told apart by it. "tasks" in ASCII.
#[cfg(feature = "postgres")]
const LOCK: i64 = 0x74_61_73_6b_73;

pub(super) async fn run(database: &Database, app: &Migrations) -> Result<(), DatabaseError> {
    // Where nothing is pending nothing is written: the database may be one that is only read.
    if !are_done(
        database,
        OWN_DONE,
        FRAMEWORK_MIGRATIONS
            .iter()
            .map(|framework_migrations| framework_migrations.name.to_owned()),
    )
    .await
    {
        run_own(database).await?;
    }
    let chosen = match database.backend() {
        Backend::Sqlite => app.sqlite.as_ref(),
        Backend::Postgres => app.postgres.as_ref(),
    };
    if let Some(migrations) = chosen.or(app.all.as_ref()) {
        let migrations = Embedded(Arc::clone(migrations));
        let versions = versions(database, &migrations)?;
        if !are_done(database, APP_DONE, versions.into_iter()).await {
            run_app(database, migrations).await?;
        }
    }
    Ok(())
}

const OWN_DONE: &str = "SELECT name FROM tasks_migrations";
/// diesel's record.
const APP_DONE: &str = "SELECT version AS name FROM __diesel_schema_migrations";

/// Whether all of these are in a record. One that cannot be read is none.
async fn are_done(
    database: &Database,
    record: &str,
    mut names: impl Iterator<Item = String>,
) -> bool {
    let session = database.session();
    let done: Result<Vec<Done>, DatabaseError> = session
        .read(async |conn| {
            Ok(crate::with_conn!(conn, |conn| diesel::sql_query(record)
                .load(conn)
                .await)?)
        })
        .await;
    done.is_ok_and(|done| names.all(|name| done.iter().any(|done| done.name == name)))
}

/// The versions of the app's migrations, as diesel records them.
fn versions(database: &Database, migrations: &Embedded) -> Result<Vec<String>, DatabaseError> {
    let found = match &database.shared.pools {
        #[cfg(feature = "sqlite")]
        Pools::Sqlite(_) => versions_for::<diesel::sqlite::Sqlite>(migrations),
        #[cfg(feature = "postgres")]
        Pools::Postgres(_) => versions_for::<diesel::pg::Pg>(migrations),
    };
    found.map_err(|error| app_failed(error.to_string()))
}

fn versions_for<DB: diesel::backend::Backend>(
    migrations: &Embedded,
) -> diesel::migration::Result<Vec<String>> {
    let all = MigrationSource::<DB>::migrations(migrations)?;
    let version = |migration: Box<dyn Migration<DB>>| migration.name().version().to_string();
    Ok(all.into_iter().map(version).collect())
}

fn app_failed(reason: String) -> DatabaseError {
    DatabaseError::Migration {
        name: "of the app".to_owned(),
        reason,
    }
}

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = Text)]
    name: String,
}

/// In one transaction, which others that start at the same time wait for.
async fn run_own(database: &Database) -> Result<(), DatabaseError> {
    let mut connection = database.writer().await?;
    connection.begin(TransactionMode::Write).await?;
    let result = run_own_in(&mut connection).await;
    let ended = connection.end(result.is_ok()).await;
    if ended.is_ok() {
        connection.give_back();
    }
    result.and(ended)
}

async fn run_own_in(connection: &mut Connection) -> Result<(), DatabaseError> {
    #[cfg(feature = "postgres")]
    if connection.backend() == Backend::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({LOCK})");
        connection.batch(&lock).await?;
        // An index of a large table takes its time.
        connection.batch("SET LOCAL statement_timeout = 0").await?;
    }
    connection
        .batch("CREATE TABLE IF NOT EXISTS tasks_migrations (name TEXT PRIMARY KEY NOT NULL)")
        .await?;
    let done: Vec<Done> = crate::with_conn!(connection, |conn| {
        diesel::sql_query("SELECT name FROM tasks_migrations")
            .load(conn)
            .await
    })?;
    for migration in FRAMEWORK_MIGRATIONS {
        if done.iter().any(|done| done.name == migration.name) {
            continue;
        }
        let sql = match connection.backend() {
            Backend::Sqlite => migration.sqlite,
            Backend::Postgres => migration.postgres,
        };
        let record = format!(
            "INSERT INTO tasks_migrations (name) VALUES ('{}')",
            migration.name
        );
        for sql in [sql, &record] {
            connection
                .batch(sql)
                .await
                .map_err(|error| DatabaseError::Migration {
                    name: migration.name.to_owned(),
                    reason: error.to_string(),
                })?;
        }
        tracing::info!(migration = migration.name, "migrated");
    }
    Ok(())
}

async fn run_app(database: &Database, migrations: Embedded) -> Result<(), DatabaseError> {
    let background = database.shared.background.handle();
    let run = match &database.shared.pools {
        #[cfg(feature = "sqlite")]
        Pools::Sqlite(pools) => {
            let target = pools.target();
            background.spawn_blocking(move || super::sqlite::migrate(&target, &migrations))
        }
        #[cfg(feature = "postgres")]
        Pools::Postgres(pool) => {
            let server = pool.manager().server.clone();
            background.spawn_blocking(move || super::postgres::migrate(&server, LOCK, &migrations))
        }
    };
    match run.await {
        Ok(result) => result.map_err(|error| app_failed(error.to_string())),
        Err(error) => Err(app_failed(error.to_string())),
    }
}
