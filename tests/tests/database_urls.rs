//! Databases by their URLs, as people have them.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use diesel::sql_types::Text;
use tasks_tests::databases::TestDatabase;
use tasks_web::database::RunQueryDsl;
use tasks_web::prelude::*;
use tasks_web::with_conn;

#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    value: String,
}

async fn ask(database: &Database, sql: &str) -> String {
    let found: Result<Found, DatabaseError> = database
        .session()
        .read(async |conn| {
            Ok(with_conn!(conn, |conn| diesel::sql_query(sql)
                .get_result(conn)
                .await)?)
        })
        .await;
    found.unwrap().value
}

async fn open(url: &str) -> Result<Database, DatabaseError> {
    Database::from_url(url).connect().await
}

async fn refused(url: &str) -> String {
    open(url).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_libpq_has_reaches_the_server() {
    let test = TestDatabase::postgres();
    let url = format!(
        "{}?application_name=my%20tasks&options=-c%20work_mem%3D8MB&connect_timeout=3&target_session_attrs=read-write\
         &sslmode=prefer&keepalives=1&keepalives_idle=30&client_encoding=UTF8&pgbouncer=false\n",
        test.url()
    );
    let database = open(&url).await.unwrap();
    let name = ask(
        &database,
        "SELECT current_setting('application_name') AS value",
    )
    .await;
    assert_eq!(name, "my tasks");
    let memory = ask(&database, "SELECT current_setting('work_mem') AS value").await;
    assert_eq!(memory, "8MB");
    assert!(!database.url().ends_with('\n'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_hosts_are_tried_in_turn() {
    let test = TestDatabase::postgres();
    let (login, place) = test.url().rsplit_once('@').unwrap();
    // Nobody listens there, and nobody answers there.
    for first in ["127.0.0.1:1", "192.0.2.1:5432"] {
        let url = format!("{login}@{first},{place}?target_session_attrs=primary");
        let database = Database::from_url(&url)
            .connect_timeout(Duration::from_secs(4))
            .connect()
            .await
            .unwrap();
        assert_eq!(ask(&database, "SELECT 'here' AS value").await, "here");
        // Jobs listen with a connection of another kind.
        assert!(database.url().contains(&format!("***@{first},")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_is_said_before_anything_is_tried() {
    let test = TestDatabase::postgres();
    let password = test.url().split(['@', ':']).nth(2).unwrap();
    for (parameters, expected) in [
        ("schema=public", "`schema`"),
        ("schema=public", "`application_name`"),
        ("sslmode=maybe", "`sslmode`"),
        (
            "target_session_attrs=prefer-standby",
            "`target_session_attrs`",
        ),
        ("connect_timeout=soon", "`connect_timeout`"),
        ("prepared_statements=x", "`prepared_statements`"),
    ] {
        let error = refused(&format!("{}?{parameters}", test.url())).await;
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("cannot be reached"), "{error}");
        assert!(!error.contains(password), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_sqlite_has_a_mode_and_no_line_feed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b%20#.db");
    let url = format!("sqlite://{}", path.display());
    let missing = refused(&format!("{url}?mode=rw")).await;
    assert!(missing.contains("cannot be reached"), "{missing}");
    assert!(missing.contains("?mode=rw cannot"), "{missing}");
    assert!(missing.contains("use `mode=rwc`"), "{missing}");
    assert!(!path.exists());
    let missing = refused(&format!("sqlite://{}/no/app.db", folder.path().display())).await;
    assert!(
        missing.contains("/no` does not exist: create it"),
        "{missing}"
    );

    let database = open(&format!("{url}?mode=rwc\n")).await.unwrap();
    database
        .session()
        .execute_script("CREATE TABLE things (name TEXT); INSERT INTO things VALUES ('it')")
        .await
        .unwrap();
    database.close().await;
    assert!(path.is_file());

    let database = open(&format!("{url}?mode=ro")).await.unwrap();
    assert_eq!(
        ask(&database, "SELECT name AS value FROM things").await,
        "it"
    );
    let error = database
        .session()
        .execute_script("DELETE FROM things")
        .await
        .unwrap_err();
    assert!(error.is_read_only(), "{error}");
    database.close().await;
    let files: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .filter(|name| !name.to_string_lossy().starts_with("a b%20#.db"))
        .collect();
    assert!(files.is_empty(), "{files:?}");
    let unknown = refused(&format!("{url}?cache=shared")).await;
    assert!(unknown.contains("`mode=rwc`"), "{unknown}");
}

/// A file system that is read-only, in a namespace of its own: `root` may write everywhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_sqlite_from_opening_a_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("a b ü%20#");
    std::fs::create_dir(&disk).unwrap();
    let path = |name: &str| disk.join(name);
    let url = |name: &str, mode: &str| format!("sqlite://{}{mode}", path(name).display());
    for end in [b'?', b'/'] {
        let error = refused(&format!("sqlite://{}{}", disk.display(), char::from(end))).await;
        assert!(error.contains("is a folder: name a file in it"), "{error}");
    }
    let database = open(&url("app.db", "")).await.unwrap();
    let copy = format!("VACUUM INTO '{}'", path("copy.db").display());
    database.close().await;
    let program = |name: &str, mode: &str| {
        let start = "mount --bind \"$DISK\" \"$DISK\" && mount -o remount,bind,ro \"$DISK\" && exec \"$PROGRAM\"";
        Command::new("timeout")
            .args(["-s", "TERM", "3", "unshare", "-rm", "sh", "-c", start])
            .env("DISK", &disk)
            .env("PROGRAM", env!("CARGO_BIN_EXE_service-under-test"))
            .env("DATABASE_URL", url(name, mode))
            .env("RUST_BACKTRACE", "0")
            .env("PORT", "0")
            .output()
            .unwrap()
    };
    let allowed = Command::new("unshare").args(["-rm", "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this user may not mount a file system in a namespace of its own");
        return;
    }
    let said = |name: &str, mode: &str| {
        let output = program(name, mode);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        text(&output.stdout) + &text(&output.stderr)
    };
    let nothing = format!(
        "nothing can be written in the folder `{}` (Read-only file system",
        disk.display()
    );
    for (name, mode, remedy) in [
        ("app.db", "", "use another one"),
        ("new.db", "", "use another one"),
        ("app.db", "?mode=ro", "`VACUUM INTO` makes it"),
    ] {
        let error = said(name, mode);
        assert!(error.contains(&nothing), "{name}{mode}: {error}");
        assert!(error.contains(remedy), "{name}{mode}: {error}");
    }
    let sqlite = Command::new("sqlite3")
        .arg(path("app.db"))
        .arg(copy)
        .status();
    if sqlite.is_ok_and(|status| status.success()) {
        let copied = said("copy.db", "?mode=ro");
        // The content of artifacts cannot be written there.
        assert!(copied.contains("database opened"), "{copied}");
    }
}

/// A variable that is there and says nothing.
#[test]
fn an_empty_variable_is_no_database() {
    for value in ["", " \n"] {
        let output = Command::new(Path::new(env!("CARGO_BIN_EXE_service-under-test")))
            .env("DATABASE_URL", value)
            .env("PORT", "0")
            .output()
            .unwrap();
        assert!(!output.status.success());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            error.contains("`DATABASE_URL` is set, and empty: set it to"),
            "{error}"
        );
    }
}
