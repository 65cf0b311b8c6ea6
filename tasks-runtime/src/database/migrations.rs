//! Brings the tables up to date.
//!
//! The tables of this crate have a record of their own: diesel's counts versions of one sequence, and an app whose version
//! happened to be one of ours would silently miss it.

use std::sync::Arc;
use std::time::Duration;

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
    "0021_lease_of_workers",
    "0022_version_of_steps",
    "0023_job_graphs",
    "0024_flow_control",
    "0025_items_of_nodes",
    "0026_children_and_keys_of_graphs",
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

/// How long a migration waits for a table that others use. While it waits, whoever wants to use the table waits behind it: less long than a round of the
/// jobs does.
#[cfg(feature = "postgres")]
const LOCK_WAIT: Duration = Duration::from_millis(300);
/// How long it lets others go on before it tries again.
const LOCK_PAUSE: Duration = Duration::from_secs(2);

/// How far the migrations are.
enum MigrationProgress {
    Done,
    /// There are more.
    More,
    /// Others use a table that this one changes.
    Locked(&'static str),
}

/// Those of a new database in one transaction, and each by itself where others may use the tables meanwhile.
async fn run_own(database: &Database) -> Result<(), DatabaseError> {
    let mut waited = 0_u32;
    loop {
        match run_next(database).await? {
            MigrationProgress::Done => return Ok(()),
            MigrationProgress::More => {}
            MigrationProgress::Locked(migration) => {
                if waited.is_multiple_of(5) {
                    tracing::warn!(
                        migration,
                        "a migration waits for transactions that use the same tables: a backup, say; `pg_locks` and `pg_stat_activity` show them"
                    );
                }
                waited += 1;
                tokio::time::sleep(LOCK_PAUSE).await;
            }
        }
    }
}

/// In a transaction, which others that start at the same time wait for.
async fn run_next(database: &Database) -> Result<MigrationProgress, DatabaseError> {
    let mut connection = database.writer().await?;
    connection.begin(TransactionMode::Write).await?;
    let mut applied = Vec::new();
    let result = apply_next(&mut connection, &mut applied).await;
    let is_kept = matches!(
        result,
        Ok(MigrationProgress::Done | MigrationProgress::More)
    );
    let ended = connection.end(is_kept).await;
    if ended.is_ok() {
        connection.give_back();
        for migration in applied.iter().filter(|_| is_kept) {
            tracing::info!(migration, "migrated");
        }
    }
    result.and_then(|progress| ended.map(|()| progress))
}

async fn apply_next(
    connection: &mut Connection,
    applied: &mut Vec<&'static str>,
) -> Result<MigrationProgress, DatabaseError> {
    #[cfg(feature = "postgres")]
    if connection.backend() == Backend::Postgres {
        // Whoever has the lock may take long, and so may an index of a large table.
        connection
            .batch("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
            .await?;
        let lock = format!("SELECT pg_advisory_xact_lock({LOCK})");
        connection.batch(&lock).await?;
        let wait = format!("SET LOCAL lock_timeout = {}", LOCK_WAIT.as_millis());
        connection.batch(&wait).await?;
    }
    connection
        .batch("CREATE TABLE IF NOT EXISTS tasks_migrations (name TEXT PRIMARY KEY NOT NULL)")
        .await?;
    let done: Vec<Done> = crate::with_conn!(connection, |conn| {
        diesel::sql_query("SELECT name FROM tasks_migrations")
            .load(conn)
            .await
    })?;
    let is_done =
        |migration: &&FrameworkMigration| done.iter().any(|done| done.name == migration.name);
    let mut missing = FRAMEWORK_MIGRATIONS
        .iter()
        .filter(|migration| !is_done(migration));
    let at_once = if done.is_empty() { usize::MAX } else { 1 };
    for migration in missing.by_ref().take(at_once) {
        let sql = match connection.backend() {
            Backend::Sqlite => migration.sqlite,
            Backend::Postgres => migration.postgres,
        };
        let record = format!(
            "INSERT INTO tasks_migrations (name) VALUES ('{}')",
            migration.name
        );
        for sql in [sql, &record] {
            match connection.batch(sql).await {
                Ok(()) => {}
                Err(error) if error.is_lock_timeout() => {
                    return Ok(MigrationProgress::Locked(migration.name));
                }
                Err(error) => {
                    return Err(DatabaseError::Migration {
                        name: migration.name.to_owned(),
                        reason: error.to_string(),
                    });
                }
            }
        }
        applied.push(migration.name);
    }
    Ok(if missing.next().is_some() {
        MigrationProgress::More
    } else {
        MigrationProgress::Done
    })
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
