//! A database that is not the one that was opened any more.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;

use super::*;

#[task(register = false)]
async fn keep(artifacts: ArtifactManager) -> anyhow::Result<String> {
    Ok(artifacts.save(NewArtifact::json(1)).await?.id.to_string())
}

async fn service(url: &str) -> Service {
    let service = Service::builder(ServiceInfo::new("stores", "Stores"))
        .with_database(Database::from_url(url))
        .with_tasks(
            TaskRegistry::builder()
                .task(add)
                .task(keep)
                .build()
                .unwrap(),
        )
        .with_artifacts(ArtifactHierarchy::new("results"))
        .with_jobs(Jobs::new())
        .with_health()
        .build()
        .await
        .unwrap();
    service.startup().await.unwrap();
    service
}

/// What somebody else does to the database.
async fn script(url: &str, sql: &str) {
    let database = Database::from_url(url)
        .without_migrations()
        .connect()
        .await
        .unwrap();
    database.session().execute_script(sql).await.unwrap();
    database.close().await;
}

async fn submit(app: &Running) -> (u16, Value) {
    let (status, answer) = http::post(
        &app.url("/api/v1/tasks/add/$submit"),
        &json!({"params": {"a": 1, "b": 2}}),
    )
    .await
    .unwrap();
    (status.as_u16(), answer)
}

/// The health of the database, at the first look that is not one of before.
async fn health(app: &Running) -> Value {
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (_, report) = http::get(&app.url("/health")).await.unwrap();
    report["checks"]["database"].clone()
}

async fn is_refused(app: &Running, words: &str) {
    let check = health(app).await;
    assert_eq!(check["state"], "unhealthy", "{check}");
    let message = check["message"].as_str().unwrap();
    assert!(message.contains(words), "{message}");
    for _ in 0..2 {
        let (status, problem) = submit(app).await;
        assert_eq!(status, 503, "{problem}");
        assert_eq!(problem["type"], "urn:tasks:problem:database-changed");
        assert_eq!(problem["detail"], message);
        let (status, problem) = http::get(&app.url("/api/v1/artifacts")).await.unwrap();
        assert_eq!(status, 503, "{problem}");
        let (status, problem) = http::get(&app.url("/api/v1/jobs")).await.unwrap();
        assert_eq!(status, 503, "{problem}");
    }
}

/// Submits a job, which runs: at once where the health is asked, and soon where it is not.
async fn works(app: &Running) -> String {
    assert_eq!(health(app).await, json!({"state": "healthy"}));
    let (status, job) = submit(app).await;
    assert_eq!(status, 202, "{job}");
    let id = job["id"].as_str().unwrap().to_owned();
    is_completed(app, &id).await;
    id
}

async fn is_completed(app: &Running, id: &str) {
    let url = app.url(&format!("/api/v1/jobs/{id}"));
    let began = Instant::now();
    loop {
        let (status, job) = http::get(&url).await.unwrap();
        assert_eq!(status, 200, "{job}");
        if job["status"] == "completed" {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{job}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn rows(url: &str, table: &str) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let database = Database::from_url(url)
        .without_migrations()
        .connect()
        .await
        .unwrap();
    let query = format!("SELECT COUNT(*) AS count FROM {table}");
    let found: Result<Count, DatabaseError> = database
        .session()
        .read(async |conn| {
            use tasks_web::database::RunQueryDsl as _;
            Ok(tasks_web::with_conn!(conn, |conn| diesel::sql_query(
                &query
            )
            .get_result(conn)
            .await)?)
        })
        .await;
    database.close().await;
    found.unwrap().count
}

/// The tables are there, and empty.
async fn tables_that_were_emptied_are_noticed_and_stay_empty(test: TestDatabase) {
    const TABLES: [&str; 3] = ["tasks_jobs", "tasks_workers", "tasks_identities"];
    let service = service(test.url()).await;
    let app = Running::service(&service);
    let id = works(&app).await;
    let mut aside = String::new();
    for table in TABLES {
        aside +=
            &format!("CREATE TABLE aside_{table} AS SELECT * FROM {table}; DELETE FROM {table};");
    }
    script(test.url(), &aside).await;
    is_refused(&app, "`tasks_identities`").await;
    // As long as the workers would need to begin anew.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for table in ["tasks_jobs", "tasks_workers"] {
        assert_eq!(rows(test.url(), table).await, 0, "{table}");
    }
    // The connections of this test have left a row of their own.
    let mut back = String::new();
    for table in TABLES {
        back += &format!(
            "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM aside_{table}; DROP TABLE aside_{table};"
        );
    }
    script(test.url(), &back).await;
    is_completed(&app, &id).await;
    works(&app).await;
    service.shutdown().await;
}

/// Each table alone.
async fn a_table_that_is_missing_is_noticed(test: TestDatabase) {
    let service = service(test.url()).await;
    let app = Running::service(&service);
    works(&app).await;
    for table in [
        "tasks_jobs",
        "tasks_artifacts",
        "tasks_identities",
        "tasks_workers",
        "tasks_schedules",
        "tasks_job_logs",
        "tasks_declarations",
    ] {
        script(
            test.url(),
            &format!("ALTER TABLE {table} RENAME TO aside_{table}"),
        )
        .await;
        is_refused(&app, &format!("its table `{table}` is missing")).await;
        script(
            test.url(),
            &format!("ALTER TABLE aside_{table} RENAME TO {table}"),
        )
        .await;
        works(&app).await;
    }
    service.shutdown().await;
}

tasks_tests::on_both_databases!(
    tables_that_were_emptied_are_noticed_and_stay_empty,
    a_table_that_is_missing_is_noticed,
);

fn client(program: &str, url: &str, more: &[&str]) {
    let output = Command::new(program).arg(url).args(more).output().unwrap();
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_server_is_used_again_once_its_backup_is_restored() {
    let test = TestDatabase::postgres();
    let service = service(test.url()).await;
    let app = Running::service(&service);
    let id = works(&app).await;
    let dump = test.folder().join("dump.sql");
    let dump = dump.to_str().unwrap();
    client("pg_dump", test.url(), &["--file", dump]);

    let empty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
    script(test.url(), empty).await;
    is_refused(&app, "is missing").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    is_refused(&app, "is missing").await;
    let tables = "pg_tables WHERE schemaname = 'public'";
    assert_eq!(rows(test.url(), tables).await, 0);

    let restore = || {
        let quiet = ["--quiet", "--set", "ON_ERROR_STOP=1", "--file", dump];
        client("psql", test.url(), &quiet);
    };
    restore();
    is_completed(&app, &id).await;
    works(&app).await;

    // The database itself, with the connections to it.
    let (server, name) = test.url().rsplit_once('/').unwrap();
    let maintenance = format!("{server}/postgres");
    let drop = format!("DROP DATABASE \"{name}\" WITH (FORCE)");
    client("psql", &maintenance, &["--quiet", "--command", &drop]);
    let create = format!("CREATE DATABASE \"{name}\"");
    client("psql", &maintenance, &["--quiet", "--command", &create]);
    is_refused(&app, "is missing").await;
    restore();
    is_completed(&app, &id).await;
    works(&app).await;
    service.shutdown().await;
}

/// The tables are made anew by another service: it is another database, which takes a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_made_anew_takes_a_restart() {
    let test = TestDatabase::postgres();
    let first = service(test.url()).await;
    let app = Running::service(&first);
    works(&app).await;
    let empty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
    script(test.url(), empty).await;
    let second = service(test.url()).await;
    is_refused(&app, "restart the service to use what is there now").await;
    first.shutdown().await;
    let app = Running::service(&second);
    works(&app).await;
    second.shutdown().await;
    let third = service(test.url()).await;
    let app = Running::service(&third);
    works(&app).await;
    third.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_database_that_was_copied_over_the_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    for name in ["app.db", "other.db"] {
        service(&url(name)).await.shutdown().await;
    }
    let service = service(&url("app.db")).await;
    let app = Running::service(&service);
    assert_eq!(health(&app).await, json!({"state": "healthy"}));
    // Over the same file: its inode stays.
    let other = std::fs::read(folder.path().join("other.db")).unwrap();
    std::fs::write(folder.path().join("app.db"), other).unwrap();
    is_refused(&app, "`tasks_identities`").await;
    service.shutdown().await;
}
