//! The PostgreSQL server that other tests stand on does what they rely on.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tasks_tests::postgres::Postgres;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, NoTls};

async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn setting(client: &Client, name: &str) -> String {
    let row = client
        .query_one(&format!("SHOW {name}"), &[])
        .await
        .unwrap();
    row.get(0)
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Asks until it is so, for longer than it takes on the slowest machine.
#[track_caller]
fn wait_until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !what() {
        assert!(Instant::now() < deadline, "it has not come true");
        thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn databases_are_apart_and_removed() {
    let server = Postgres::shared().unwrap();
    let (one, two) = (server.database().unwrap(), server.database().unwrap());
    let first = connect(&one.url()).await.unwrap();
    first
        .batch_execute("CREATE TABLE things (id BIGINT)")
        .await
        .unwrap();
    let second = connect(&two.url()).await.unwrap();
    let error = second
        .batch_execute("SELECT * FROM things")
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::UNDEFINED_TABLE));

    // With connections to it still open.
    let url = one.url();
    drop(one);
    let error = connect(&url).await.err().unwrap();
    assert_eq!(error.code(), Some(&SqlState::INVALID_CATALOG_NAME));
}

#[tokio::test]
async fn the_server_is_as_strict_as_one_in_production() {
    let server = Postgres::shared().unwrap();
    let client = connect(&server.url()).await.unwrap();
    assert_eq!(setting(&client, "fsync").await, "on");
    assert_eq!(setting(&client, "synchronous_commit").await, "on");
    assert_eq!(setting(&client, "max_connections").await, "300");
    assert_eq!(setting(&client, "server_encoding").await, "UTF8");
    assert_eq!(setting(&client, "is_superuser").await, "off");

    let url = server.url();
    let (_, address) = url.split_once('@').unwrap();
    let wrong = format!("postgres://tasks:wrong@{address}");
    let error = connect(&wrong).await.err().unwrap();
    assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD));
}

#[test]
fn many_tests_make_databases_at_once() {
    let server = Postgres::shared().unwrap();
    let make = || server.database().unwrap().name().to_owned();
    let mut names: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 8);
}

#[tokio::test]
async fn a_server_is_stopped_and_started_with_what_it_has() {
    let mut server = Postgres::start().unwrap();
    let port = server.port();
    let database = server.database().unwrap();
    let client = connect(&database.url()).await.unwrap();
    client
        .batch_execute("CREATE TABLE things (id BIGINT)")
        .await
        .unwrap();

    let stops: [fn(&mut Postgres) -> anyhow::Result<()>; 3] =
        [Postgres::stop, Postgres::stop_fast, Postgres::kill];
    for (done, stop) in (0_i64..).zip(stops) {
        let client = connect(&database.url()).await.unwrap();
        client
            .execute("INSERT INTO things VALUES ($1)", &[&done])
            .await
            .unwrap();
        stop(&mut server).unwrap();
        // Twice is once.
        stop(&mut server).unwrap();
        let log = server.log();
        assert!(!listens(port), "stop {done}: {log}");
        assert!(connect(&database.url()).await.is_err(), "{done}: {log}");
        // The process of a connection whose server was killed may answer before it notices.
        let deadline = Instant::now() + Duration::from_secs(60);
        while client.batch_execute("SELECT 1").await.is_ok() {
            assert!(Instant::now() < deadline, "stop {done}: {log}");
        }

        server.start_again().unwrap();
        server.start_again().unwrap();
        assert_eq!(server.port(), port);
        let client = connect(&database.url()).await.unwrap();
        let row = client
            .query_one("SELECT count(*) FROM things", &[])
            .await
            .unwrap();
        assert_eq!(row.get::<_, i64>(0), done + 1, "{}", server.log());
    }

    drop(server);
    assert!(!listens(port));
}

#[test]
fn the_password_is_not_shown() {
    let server = Postgres::start().unwrap();
    let url = server.url();
    let (_, rest) = url.split_once("tasks:").unwrap();
    let (password, _) = rest.split_once('@').unwrap();
    assert!(password.len() >= 16, "{password}");
    let database = server.database().unwrap();
    let shown = format!("{server:?} {database:?} {:?}", Postgres::shared().unwrap());
    assert!(!shown.contains(password), "{shown}");
}

/// Runs a test of this file in a process of its own, with nothing of the run it belongs to but what is given. Its standard
/// input stays open as long as the process is wanted.
fn inner(test: &str, run: Option<&str>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env_remove("NEXTEST_RUN_ID")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some(run) = run {
        command.env("NEXTEST_RUN_ID", run);
    }
    command
}

/// What is in a folder for temporary files.
fn folders(temporary: &Path) -> Vec<PathBuf> {
    let entries = temporary.read_dir().unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// What the processes inside do: starts a server of its own, tells its port, and waits.
#[test]
#[ignore = "run by another test"]
fn inner_server() {
    let server = Postgres::start().unwrap();
    println!("\nport {}", server.port());
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// What the processes inside do: asks for the shared server and tells its port.
#[test]
#[ignore = "run by another test"]
fn inner_shared() {
    println!("\nport {}", Postgres::shared().unwrap().port());
}

fn port(output: &str) -> Option<u16> {
    output
        .lines()
        .find_map(|line| line.strip_prefix("port ")?.parse().ok())
}

#[test]
fn a_killed_test_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    open_to_all(temporary.path());
    let mut command = inner("inner_server", None);
    let mut process = command.env("TMPDIR", temporary.path()).spawn().unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let port = output
        .lines()
        .find_map(|line| port(&line.unwrap()))
        .unwrap();
    assert!(listens(port));
    assert_eq!(folders(temporary.path()).len(), 1);
    process.kill().unwrap();
    process.wait().unwrap();
    wait_until(|| !listens(port) && folders(temporary.path()).is_empty());
}

/// Nextest is played by a shell that starts two tests, one after the other.
#[test]
fn the_tests_of_a_run_share_a_server_that_ends_with_it() {
    let temporary = tempfile::tempdir().unwrap();
    open_to_all(temporary.path());
    let run = temporary.path().file_name().unwrap().to_str().unwrap();
    let test = inner("inner_shared", Some(run));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", r#""$@" && "$@" && read _"#, "sh"])
        .arg(test.get_program())
        .args(test.get_args())
        .envs(
            test.get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        )
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut process = shell.spawn().unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let mut ports = output.lines().filter_map(|line| port(&line.unwrap()));
    let (first, second) = (ports.next().unwrap(), ports.next().unwrap());
    assert_eq!(first, second);
    assert!(listens(first));
    assert_eq!(folders(temporary.path()).len(), 1);
    drop(process.stdin.take());
    process.wait().unwrap();
    wait_until(|| !listens(first) && folders(temporary.path()).is_empty());
}

/// The server may run as another user than the test.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
