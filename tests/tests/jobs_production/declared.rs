//! Schedules that two versions of a program declare while one takes the place of the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_all_databases_at_once};
use tasks_web::{Database, with_conn};

use crate::fleet::Process;

const OLD: &str = "a:3600,both:3600";
const NEW: &str = "both:7200,c:3600";

fn start(test: &TestDatabase, declares: &str) -> Process {
    Process::start(test, &[("DECLARE", declares)])
}

/// One that renews its declaration each second; it is gone after 3 seconds of silence.
fn start_hasty(test: &TestDatabase, declares: &str) -> Process {
    let environment = [("DECLARE", declares), ("DECLARATION_RENEWAL", "1000")];
    Process::start(test, &environment)
}

/// The names of all schedules, and their intervals.
async fn schedules(process: &Process) -> BTreeMap<String, u64> {
    let url = process.0.url("/api/v1/schedules");
    let (status, all) = http::get(&url).await.unwrap();
    assert_eq!(status, 200, "{all}\n{}", process.0.output());
    let all = all.as_array().unwrap().iter();
    all.map(|schedule| {
        (
            schedule["name"].as_str().unwrap().to_owned(),
            schedule["interval"].as_u64().unwrap(),
        )
    })
    .collect()
}

fn expected(all: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let all = all.iter();
    all.map(|(name, interval)| ((*name).to_owned(), *interval))
        .collect()
}

async fn until(process: &Process, all: &[(&str, u64)]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = schedules(process).await;
        if found == expected(all) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{found:?}\n{}",
            process.0.output()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn ask(process: &Process, method: Method, path: &str, body: Option<Value>) -> Value {
    let request = http::client().unwrap().request(method, process.0.url(path));
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let response = request.send().await.unwrap();
    let status = response.status();
    let answer = response.text().await.unwrap();
    assert!(status.is_success(), "{answer}");
    serde_json::from_str(&answer).unwrap_or_default()
}

/// As if so many seconds had passed since processes said what they declare.
async fn let_pass(test: &TestDatabase, seconds: i64) {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let sql = format!(
        "UPDATE tasks_declarations SET renewed_at = renewed_at - {seconds} * CAST(1000000 AS BIGINT)"
    );
    let passed: Result<usize, tasks_web::DatabaseError> = database
        .session()
        .transaction(async |tx| {
            Ok(with_conn!(tx, |conn| {
                tasks_web::database::RunQueryDsl::execute(diesel::sql_query(&sql), conn).await
            })?)
        })
        .await;
    passed.unwrap();
    database.close().await;
}

/// With the times of production, which are not waited for: a declaration is good for three minutes.
async fn a_start_removes_nothing(test: TestDatabase) {
    let old = start(&test, OLD);
    let new = start(&test, NEW);
    let all = [("a", 3600), ("both", 7200), ("c", 3600)];
    assert_eq!(schedules(&new).await, expected(&all));
    let c = ask(&new, Method::POST, "/api/v1/schedules/c/$pause", None).await;
    old.terminate().await;
    // The last that started says how it is.
    let old = start(&test, OLD);
    let all = [("a", 3600), ("both", 3600), ("c", 3600)];
    assert_eq!(schedules(&old).await, expected(&all));
    assert_eq!(ask(&old, Method::GET, "/api/v1/schedules/c", None).await, c);
    // As after an outage in which nobody could renew anything, and as it looks to one whose clock is ahead: those who run still declare
    // theirs, and who starts cannot know.
    let_pass(&test, 600).await;
    let third = start(&test, "d:3600");
    let all = [("a", 3600), ("both", 3600), ("c", 3600), ("d", 3600)];
    assert_eq!(schedules(&third).await, expected(&all));
    assert_eq!(
        ask(&third, Method::GET, "/api/v1/schedules/c", None).await,
        c
    );
    let said = third.0.stderr();
    assert!(!said.contains("was removed"), "{said}");
}

/// All of them at the same moment, as when a service is scaled up.
async fn processes_that_start_together_remove_nothing_of_each_other(test: TestDatabase) {
    let before = start_hasty(&test, "a:3600,b0:3600");
    let processes: Vec<Process> = std::thread::scope(|scope| {
        let starting: Vec<_> = (1..=4)
            .map(|number| {
                let test = &test;
                scope.spawn(move || start_hasty(test, &format!("a:3600,b{number}:3600")))
            })
            .collect();
        starting
            .into_iter()
            .map(|process| process.join().unwrap())
            .collect()
    });
    let names = ["a", "b0", "b1", "b2", "b3", "b4"];
    let all = names.map(|name| (name, 3600));
    assert_eq!(schedules(&before).await, expected(&all));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(schedules(&before).await, expected(&all));
    for process in processes.iter().chain([&before]) {
        let said = process.0.stderr();
        assert!(!said.contains("was removed"), "{said}");
    }
}

/// All stopped, and the one that does not declare it was started first, and ran alone for longer than a declaration is good for.
async fn a_pause_survives_that_nobody_declares_the_schedule(test: TestDatabase) {
    let one = start_hasty(&test, "a:3600,b:3600");
    let two = start_hasty(&test, "c:3600");
    let a = ask(&one, Method::POST, "/api/v1/schedules/a/$pause", None).await;
    one.terminate().await;
    two.terminate().await;
    let two = start_hasty(&test, "c:3600");
    until(&two, &[("a", 3600), ("c", 3600)]).await;
    two.0.stderr_with("stays because it is paused", 1).unwrap();
    let one = start_hasty(&test, "a:3600,b:3600");
    until(&one, &[("a", 3600), ("b", 3600), ("c", 3600)]).await;
    assert_eq!(ask(&one, Method::GET, "/api/v1/schedules/a", None).await, a);

    // When it goes on and nobody declares it, it is removed like others.
    one.terminate().await;
    until(&two, &[("a", 3600), ("c", 3600)]).await;
    ask(&two, Method::POST, "/api/v1/schedules/a/$resume", None).await;
    until(&two, &[("c", 3600)]).await;
}

async fn a_version_without_schedules_removes_those_of_the_one_before(test: TestDatabase) {
    let old = start_hasty(&test, OLD);
    old.terminate().await;
    let new = Process::start(&test, &[("DECLARATION_RENEWAL", "1000")]);
    until(&new, &[]).await;
}

async fn a_schedule_of_another_service_is_not_taken_over_without_a_word(test: TestDatabase) {
    let reports = |id| Process::start(&test, &[("DECLARE", OLD), ("SERVICE_ID", id)]);
    let one = reports("one");
    let two = reports("two");
    let words = "another service declared a schedule of this name";
    let said = two.0.stderr_with(words, 1).unwrap();
    let line = said.lines().find(|line| line.contains(words)).unwrap();
    assert!(
        ["WARN", "one", "two"]
            .iter()
            .all(|word| line.contains(word)),
        "{line}"
    );
    let said = one.0.stderr();
    assert!(!said.contains("another service"), "{said}");
}

/// Processes that go on running.
async fn what_no_process_declares_any_more_goes_and_what_is_missing_comes_back(test: TestDatabase) {
    let new = start_hasty(&test, NEW);
    let old = start_hasty(&test, OLD);
    let by_hand = json!({"task_name": "sleep", "params": {"seconds": 0.0}, "interval": 60});
    let path = "/api/v1/schedules/by-hand";
    ask(&new, Method::PUT, path, Some(by_hand.clone())).await;
    let c = ask(&new, Method::POST, "/api/v1/schedules/c/$pause", None).await;
    // Some renewals, until what nobody declares would be removed.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let all = [("a", 3600), ("both", 3600), ("by-hand", 60), ("c", 3600)];
    assert_eq!(schedules(&new).await, expected(&all));

    // What was changed by hand stays so, and what is missing comes back, as the one that started last has it.
    let changed = json!({"task_name": "sleep", "params": {"seconds": 0.0}, "interval": 120});
    ask(&new, Method::PUT, "/api/v1/schedules/both", Some(changed)).await;
    ask(&new, Method::DELETE, "/api/v1/schedules/a", None).await;
    until(
        &new,
        &[("a", 3600), ("both", 120), ("by-hand", 60), ("c", 3600)],
    )
    .await;
    ask(&new, Method::DELETE, "/api/v1/schedules/both", None).await;
    until(&new, &all).await;
    // What has the name of a declared one, and was made by hand, stays for as long as the processes run.
    loop {
        ask(&new, Method::DELETE, "/api/v1/schedules/a", None).await;
        let body = Some(by_hand.clone());
        let made = ask(&new, Method::PUT, "/api/v1/schedules/a", body).await;
        // Unless a renewal came between the two.
        if made["declared_by"] == Value::Null {
            break;
        }
    }

    old.terminate().await;
    let rest = [("a", 60), ("both", 7200), ("by-hand", 60), ("c", 3600)];
    until(&new, &rest).await;
    assert_eq!(ask(&new, Method::GET, "/api/v1/schedules/c", None).await, c);
    ask(&new, Method::DELETE, "/api/v1/schedules/a", None).await;
    ask(&new, Method::POST, "/api/v1/schedules/c/$resume", None).await;
    let third = start_hasty(&test, "both:7200");
    new.terminate().await;
    until(&third, &[("both", 7200), ("by-hand", 60)]).await;
    let words = "no process of the service that runs declares it";
    third.0.stderr_with(words, 1).unwrap();
}

/// As after an outage of the database, or when the computer was asleep: none of them could say anything, and one is back before the other.
async fn silence_of_all_removes_nothing(test: TestDatabase) {
    let new = start_hasty(&test, NEW);
    let old = start_hasty(&test, OLD);
    // For as long as it takes until what nobody declares would be removed.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let c = ask(&new, Method::POST, "/api/v1/schedules/c/$pause", None).await;
    for process in [&old, &new] {
        process.0.signal(Signal::STOP).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    old.0.signal(Signal::CONT).unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    new.0.signal(Signal::CONT).unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let all = [("a", 3600), ("both", 3600), ("c", 3600)];
    assert_eq!(schedules(&old).await, expected(&all));
    // They were not even removed and put back.
    for process in [&old, &new] {
        let said = process.0.stderr();
        assert!(!said.contains("was removed"), "{said}");
    }
    let same = ask(&old, Method::GET, "/api/v1/schedules/c", None).await;
    assert_eq!(same, c, "{}\n{}", old.0.output(), new.0.output());

    ask(&old, Method::POST, "/api/v1/schedules/c/$resume", None).await;
    // One that is silent alone is taken for gone, and has its schedules back when it is not.
    new.stop_without_lock(&test).await;
    until(&old, &[("a", 3600), ("both", 3600)]).await;
    new.0.signal(Signal::CONT).unwrap();
    until(&old, &all).await;
}

/// A process that is paused inside of a transaction, or whose connection is lost, has its row locked for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_row_of_a_process_that_is_gone_is_not_waited_for() {
    let test = TestDatabase::postgres();
    let new = start_hasty(&test, NEW);
    let old = start_hasty(&test, OLD);
    tokio::time::sleep(Duration::from_secs(3)).await;
    old.terminate().await;
    let database = Database::from_url(test.url())
        .transaction_timeout(None)
        .connect()
        .await
        .unwrap();
    let session = database.session();
    let locked = tokio::spawn(async move {
        let lock = "SELECT 1 FROM tasks_declarations ORDER BY started_at DESC LIMIT 1 FOR UPDATE";
        let held: Result<(), tasks_web::DatabaseError> = session
            .transaction(async |tx| {
                tx.batch(lock).await?;
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok(())
            })
            .await;
        held
    });
    until(&new, &[("both", 7200), ("c", 3600)]).await;
    assert!(!locked.is_finished());
    locked.abort();
}

/// A service that starts while nothing can be written: on a standby that is promoted later, say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_are_stored_as_soon_as_the_database_takes_writes() {
    let test = TestDatabase::postgres();
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let name = test.url().rsplit('/').next().unwrap();
    let set = async |how: &str| {
        let sql = format!(
            "SET TRANSACTION READ WRITE; ALTER DATABASE {name} SET default_transaction_read_only = {how}"
        );
        database.session().execute_script(&sql).await.unwrap();
    };
    // Of an earlier version, and there as long as nothing can be written.
    start(&test, "earlier:3600,both:3600").terminate().await;
    set("on").await;
    let process = start_hasty(&test, "both:7200,a:3600");
    let without = Process::start(&test, &[("DECLARATION_RENEWAL", "1000")]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = expected(&[("both", 3600), ("earlier", 3600)]);
    assert_eq!(schedules(&process).await, before);
    for (process, what) in [
        (
            &process,
            "the schedules that the code declares are not stored since",
        ),
        (
            &without,
            "schedules that an earlier version declared are not removed since",
        ),
    ] {
        let (_, health) = process.health().await;
        let jobs = &health["checks"]["jobs"];
        let message = jobs["message"].as_str().unwrap_or_default();
        assert!(message.contains(what), "{health}");
        let said = process.0.stderr();
        assert_eq!(said.matches("are not stored yet").count(), 1, "{said}");
    }
    drop(without);

    set("off").await;
    until(&process, &[("a", 3600), ("both", 7200)]).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while process.health().await.1["checks"]["jobs"]["state"] != "healthy" {
        assert!(Instant::now() < deadline, "{:?}", process.health().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    process
        .0
        .stderr_with("the schedules that the service declares are stored", 1)
        .unwrap();
}

on_all_databases_at_once!(
    a_start_removes_nothing,
    processes_that_start_together_remove_nothing_of_each_other,
    a_pause_survives_that_nobody_declares_the_schedule,
    a_version_without_schedules_removes_those_of_the_one_before,
    a_schedule_of_another_service_is_not_taken_over_without_a_word,
    what_no_process_declares_any_more_goes_and_what_is_missing_comes_back,
    silence_of_all_removes_nothing,
);
