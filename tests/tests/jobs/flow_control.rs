//! Limits that hold over all processes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tasks_tests::databases::{TestDatabase, count};
use tasks_tests::on_all_databases;
use tasks_web::jobs::{JobRecord, JobStatus, Jobs, PendingCode, Scheduler};
use tasks_web::prelude::*;
use tasks_web::{TaskFn, testing};

use crate::world::{LONG, eventually};

/// Who runs, and who ran from when until when.
#[derive(Clone, Default, Injectable)]
struct Runs(Arc<Mutex<Vec<Run>>>);

#[derive(Clone, Debug)]
struct Run {
    key: String,
    began: Instant,
    ended: Option<Instant>,
}

impl Runs {
    async fn run(&self, key: &str, milliseconds: u64) {
        let place = {
            let mut runs = self.0.lock().unwrap();
            runs.push(Run {
                key: key.to_owned(),
                began: Instant::now(),
                ended: None,
            });
            runs.len() - 1
        };
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        self.0.lock().unwrap()[place].ended = Some(Instant::now());
    }

    fn all(&self) -> Vec<Run> {
        self.0.lock().unwrap().clone()
    }

    /// How many ran at once at most, of these.
    fn most(&self, which: impl Fn(&Run) -> bool) -> usize {
        let runs: Vec<Run> = self.all().into_iter().filter(which).collect();
        let at_once = |at: Instant| {
            let is_on = |run: &&Run| run.began <= at && run.ended.is_none_or(|end| at < end);
            runs.iter().filter(is_on).count()
        };
        runs.iter().map(|run| at_once(run.began)).max().unwrap_or(0)
    }

    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.all().into_iter().map(|run| run.key).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// How many began in any period of this length at most.
    fn most_in(&self, period: Duration, which: impl Fn(&Run) -> bool) -> usize {
        let mut began: Vec<Instant> = (self.all().into_iter().filter(which))
            .map(|run| run.began)
            .collect();
        began.sort();
        let within = |first: &Instant| {
            let inside = began
                .iter()
                .filter(|at| *at >= first && **at < *first + period);
            inside.count()
        };
        began.iter().map(within).max().unwrap_or(0)
    }
}

#[task(register = false, global_concurrency = 2)]
async fn two_in_all(runs: Runs, milliseconds: u64) {
    runs.run("", milliseconds).await;
}

#[task(register = false, concurrency_key = "tenant", global_concurrency = 3)]
async fn per_tenant(runs: Runs, tenant: String, milliseconds: u64) {
    runs.run(&tenant, milliseconds).await;
}

#[task(
    register = false,
    concurrency_key = "/order/tenant",
    concurrency_per_key = 2
)]
async fn two_per_tenant(runs: Runs, order: BTreeMap<String, String>, milliseconds: u64) {
    runs.run(&order["tenant"], milliseconds).await;
}

#[task(register = false, rate = "5/1s")]
async fn five_a_second(runs: Runs) {
    runs.run("", 1).await;
}

#[task(register = false, concurrency_key = "tenant", rate_per_key = "2/1s")]
async fn two_a_second(runs: Runs, #[task(default = "none".to_owned())] tenant: String) {
    runs.run(&tenant, 1).await;
}

/// The first attempt of each fails.
#[task(
    register = false,
    global_concurrency = 1,
    retries = 2,
    backoff = "constant(20ms)"
)]
async fn one_in_all(context: TaskContext, runs: Runs, milliseconds: u64) -> anyhow::Result<()> {
    runs.run("", milliseconds).await;
    anyhow::ensure!(context.attempt() > 1, "the first attempt fails");
    Ok(())
}

#[task(register = false)]
async fn free(runs: Runs, milliseconds: u64) {
    runs.run("free", milliseconds).await;
}

#[task(register = false, queue = "narrow")]
async fn narrow(runs: Runs, milliseconds: u64) {
    runs.run("narrow", milliseconds).await;
}

#[task(register = false, name = "changing")]
async fn without_limits(runs: Runs, tenant: String) {
    runs.run(&tenant, 20).await;
}

#[task(register = false, name = "changing", concurrency_key = "tenant")]
async fn with_limits(runs: Runs, tenant: String) {
    runs.run(&tenant, 20).await;
}

#[task(register = false, name = "changing", max_concurrency = 4)]
async fn few_per_process(runs: Runs, tenant: String) {
    runs.run(&tenant, 20).await;
}

fn tasks() -> Vec<TaskFn> {
    vec![
        task(two_in_all),
        task(per_tenant),
        task(two_per_tenant),
        task(five_a_second),
        task(two_a_second),
        task(one_in_all),
        task(free),
        task(narrow),
    ]
}

/// One of several processes, as far as the database can tell.
async fn process(test: &TestDatabase, jobs: Jobs, runs: &Runs, tasks: Vec<TaskFn>) -> Scheduler {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let scheduler = Scheduler::new(&database, jobs);
    let executor = testing::executor(tasks)
        .provide(scheduler.clone())
        .provide(runs.clone())
        .build()
        .unwrap();
    scheduler.start(&executor).unwrap();
    scheduler
}

async fn all_completed(scheduler: &Scheduler, jobs: &[JobRecord]) {
    for job in jobs {
        let job = scheduler.wait(job.id, LONG).await.unwrap();
        assert_eq!(job.status, JobStatus::Completed, "{job:?}");
    }
}

async fn shut_down(processes: Vec<Scheduler>) {
    for process in processes {
        process.shutdown().await;
    }
}

async fn a_limit_of_a_task_holds_over_processes(test: TestDatabase) {
    let runs = Runs::default();
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(process(&test, Jobs::new(), &runs, tasks()).await);
    }
    let mut jobs = Vec::new();
    for number in 0..20 {
        let process = &processes[number % 3];
        jobs.push(
            process
                .submit(call!(two_in_all, milliseconds = 150))
                .await
                .unwrap(),
        );
    }
    // Those that have to wait hold up no others.
    let other = processes[0]
        .submit(call!(free, milliseconds = 0))
        .await
        .unwrap();
    processes[0].wait(other.id, LONG).await.unwrap();
    assert!(runs.all().iter().filter(|run| run.key.is_empty()).count() < 20);
    all_completed(&processes[0], &jobs).await;
    assert_eq!(runs.most(|run| run.key.is_empty()), 2);
    shut_down(processes).await;
}

async fn a_limit_of_a_key_holds_over_processes(test: TestDatabase) {
    let runs = Runs::default();
    let mut processes = Vec::new();
    for _ in 0..2 {
        processes.push(process(&test, Jobs::new(), &runs, tasks()).await);
    }
    let mut jobs = Vec::new();
    for number in 0..24 {
        let tenant = format!("tenant {}", number % 4);
        let process = &processes[number % 2];
        let job = process.submit(call!(per_tenant, tenant = tenant, milliseconds = 200));
        jobs.push(job.await.unwrap());
    }
    all_completed(&processes[0], &jobs).await;
    for key in runs.keys() {
        assert_eq!(runs.most(|run| run.key == key), 1, "{key}");
    }
    assert_eq!(runs.most(|_| true), 3);

    // A key is inside a parameter, and has two at once here.
    let order = BTreeMap::from([("tenant".to_owned(), "one of its own".to_owned())]);
    let mut jobs = Vec::new();
    for _ in 0..6 {
        let call = call!(two_per_tenant, order = order.clone(), milliseconds = 200);
        jobs.push(processes[1].submit(call).await.unwrap());
    }
    all_completed(&processes[0], &jobs).await;
    assert_eq!(runs.most(|run| run.key == "one of its own"), 2);
    shut_down(processes).await;
}

async fn keys_take_turns(test: TestDatabase) {
    let runs = Runs::default();
    let one = process(&test, Jobs::new().max_concurrency(1), &runs, tasks()).await;
    let many = (0..300).map(|_| {
        let order = BTreeMap::from([("tenant".to_owned(), "large".to_owned())]);
        one.submit(call!(two_per_tenant, order = order, milliseconds = 1))
    });
    one.submit_all(many).await.unwrap();
    let order = BTreeMap::from([("tenant".to_owned(), "small".to_owned())]);
    let small = one
        .submit(call!(two_per_tenant, order = order, milliseconds = 1))
        .await
        .unwrap();
    let began = runs.all().len();
    one.wait(small.id, LONG).await.unwrap();
    let before = runs
        .all()
        .iter()
        .position(|run| run.key == "small")
        .unwrap();
    assert!(before - began <= 3, "{} ran before it", before - began);
    one.shutdown().await;
}

async fn a_rate_holds_over_processes(test: TestDatabase) {
    const SECOND: Duration = Duration::from_secs(1);
    // What the database counts as a start is written a moment before the code begins, and that moment is not always the same.
    const TOLERANCE: Duration = Duration::from_millis(150);
    let runs = Runs::default();
    let mut processes = Vec::new();
    for _ in 0..2 {
        processes.push(process(&test, Jobs::new(), &runs, tasks()).await);
    }
    let began = Instant::now();
    let mut jobs = Vec::new();
    for number in 0..12 {
        jobs.push(
            processes[number % 2]
                .submit(call!(five_a_second))
                .await
                .unwrap(),
        );
    }
    for number in 0..4 {
        let call = match number % 2 {
            0 => call!(two_a_second),
            _ => call!(two_a_second, tenant = "another"),
        };
        jobs.push(processes[0].submit(call).await.unwrap());
    }
    // The same key, said and left out.
    let call = call!(two_a_second, tenant = "none");
    jobs.push(processes[0].submit(call).await.unwrap());
    all_completed(&processes[0], &jobs).await;
    let took = began.elapsed();
    assert!(took >= 2 * SECOND && took < 20 * SECOND, "{took:?}");
    let period = SECOND.saturating_sub(TOLERANCE);
    assert!(runs.most_in(period, |run| run.key.is_empty()) <= 5);
    assert!(runs.most_in(period, |run| run.key == "none") <= 2);
    // They begin at once as far as the rate lets them.
    assert!(runs.most_in(SECOND / 2, |run| run.key.is_empty()) >= 3);
    shut_down(processes).await;
}

async fn retries_are_within_the_limit(test: TestDatabase) {
    let runs = Runs::default();
    let one = process(&test, Jobs::new(), &runs, tasks()).await;
    let other = process(&test, Jobs::new(), &runs, tasks()).await;
    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(
            one.submit(call!(one_in_all, milliseconds = 10))
                .await
                .unwrap(),
        );
    }
    all_completed(&other, &jobs).await;
    assert_eq!(runs.all().len(), 10);
    assert_eq!(runs.most(|_| true), 1);
    shut_down(vec![one, other]).await;
}

async fn limits_of_queues_hold_over_processes(test: TestDatabase) {
    let runs = Runs::default();
    let settings = || {
        Jobs::new()
            .queue("narrow", 8)
            .queue_global_concurrency("narrow", 2)
            .queue_rate("default", 3, Duration::from_secs(1))
    };
    let mut processes = Vec::new();
    for _ in 0..2 {
        processes.push(process(&test, settings(), &runs, tasks()).await);
    }
    let began = Instant::now();
    let mut jobs = Vec::new();
    for number in 0..10 {
        let process = &processes[number % 2];
        jobs.push(
            process
                .submit(call!(narrow, milliseconds = 150))
                .await
                .unwrap(),
        );
    }
    for number in 0..7 {
        let process = &processes[number % 2];
        jobs.push(process.submit(call!(free, milliseconds = 1)).await.unwrap());
    }
    all_completed(&processes[0], &jobs).await;
    assert_eq!(runs.most(|run| run.key == "narrow"), 2);
    assert!(runs.most_in(Duration::from_millis(850), |run| run.key == "free") <= 3);
    assert!(began.elapsed() >= Duration::from_secs(2));
    shut_down(processes).await;
}

/// Jobs that were stored by a version without limits are limited by one that has them.
async fn a_new_version_limits_what_was_stored_before(test: TestDatabase) {
    let runs = Runs::default();
    let old = process(
        &test,
        Jobs::new().run_workers(false),
        &runs,
        vec![task(without_limits)],
    )
    .await;
    let mut jobs = Vec::new();
    for number in 0..12 {
        let tenant = format!("tenant {}", number % 2);
        jobs.push(
            old.submit(call!(without_limits, tenant = tenant))
                .await
                .unwrap(),
        );
    }
    let new = process(&test, Jobs::new(), &runs, vec![task(with_limits)]).await;
    all_completed(&new, &jobs).await;
    assert_eq!(runs.keys().len(), 2);
    for key in runs.keys() {
        assert_eq!(runs.most(|run| run.key == key), 1);
    }
    // And the other way round.
    runs.0.lock().unwrap().clear();
    new.shutdown().await;
    let settings = Jobs::new().run_workers(false);
    let new = process(&test, settings, &runs, vec![task(with_limits)]).await;
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(
            new.submit(call!(with_limits, tenant = "one"))
                .await
                .unwrap(),
        );
    }
    let old_again = process(&test, Jobs::new(), &runs, vec![task(without_limits)]).await;
    all_completed(&old_again, &jobs).await;
    assert!(runs.most(|_| true) > 1);
    shut_down(vec![old, new, old_again]).await;
}

/// One that may have killed its process runs alone, and within the limits of its key.
async fn quarantined_jobs_are_within_the_limit(test: TestDatabase) {
    let runs = Runs::default();
    let one = process(&test, Jobs::new().run_workers(false), &runs, tasks()).await;
    let mut jobs = Vec::new();
    for _ in 0..4 {
        let call = call!(per_tenant, tenant = "one", milliseconds = 20);
        jobs.push(one.submit(call).await.unwrap());
    }
    let database = Database::from_url(test.url()).connect().await.unwrap();
    for job in &jobs[1..] {
        let sql = format!("UPDATE tasks_jobs SET crashes = 2 WHERE id = '{}'", job.id);
        database.session().execute_script(&sql).await.unwrap();
    }
    let workers = [
        process(&test, Jobs::new(), &runs, tasks()).await,
        process(&test, Jobs::new(), &runs, tasks()).await,
    ];
    all_completed(&one, &jobs).await;
    assert_eq!(runs.most(|_| true), 1);
    shut_down(workers.to_vec()).await;
    one.shutdown().await;
}

#[task(register = false, concurrency_key = "runs")]
async fn of_what_nobody_sends(runs: Runs) {
    runs.run("", 1).await;
}

async fn a_key_that_nobody_sends_is_refused(test: TestDatabase) {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let scheduler = Scheduler::new(&database, Jobs::new());
    let executor = testing::executor([task(of_what_nobody_sends)])
        .provide(Runs::default())
        .build()
        .unwrap();
    let error = scheduler.start(&executor).unwrap_err().to_string();
    assert!(error.contains("`runs`, which is injected"), "{error}");
}

/// Jobs that a version stored while its task had limits are run by one that has none, once nobody limits it any more.
async fn a_task_without_limits_runs_what_had_some(test: TestDatabase) {
    let runs = Runs::default();
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let without = process(&test, Jobs::new(), &runs, vec![task(without_limits)]).await;
    let settings = Jobs::new().run_workers(false);
    let with = process(&test, settings, &runs, vec![task(with_limits)]).await;
    let mut jobs = Vec::new();
    for _ in 0..6 {
        let call = call!(with_limits, tenant = "one");
        jobs.push(with.submit(call).await.unwrap());
    }
    let sql = format!(
        "UPDATE tasks_jobs SET crashes = 2 WHERE id = '{}'",
        jobs[5].id
    );
    database.session().execute_script(&sql).await.unwrap();
    all_completed(&without, &jobs).await;
    shut_down(vec![without, with]).await;
}

/// What waits in the line of tasks with a limit per process gets limits over all of them.
async fn a_new_limit_holds_for_what_had_one_per_process(test: TestDatabase) {
    let runs = Runs::default();
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let settings = Jobs::new().run_workers(false);
    let old = process(&test, settings, &runs, vec![task(few_per_process)]).await;
    let mut jobs = Vec::new();
    for _ in 0..6 {
        let call = call!(few_per_process, tenant = "one");
        jobs.push(old.submit(call).await.unwrap());
    }
    let sql = format!(
        "UPDATE tasks_jobs SET crashes = 2 WHERE id = '{}'",
        jobs[5].id
    );
    database.session().execute_script(&sql).await.unwrap();
    let new = process(&test, Jobs::new(), &runs, vec![task(with_limits)]).await;
    all_completed(&new, &jobs).await;
    assert_eq!(runs.most(|_| true), 1);
    shut_down(vec![old, new]).await;
}

/// A limit that is reached keeps no process busy.
async fn nobody_works_while_a_limit_is_reached(test: TestDatabase) {
    let runs = Runs::default();
    let settings = || {
        Jobs::new()
            .queue("narrow", 8)
            .queue_global_concurrency("narrow", 1)
            .queue_rate("default", 2, Duration::from_secs(3600))
    };
    let one = process(&test, settings(), &runs, tasks()).await;
    let other = process(&test, settings(), &runs, tasks()).await;
    for milliseconds in [8000, 8000, 8000] {
        let call = call!(narrow, milliseconds = milliseconds);
        one.submit(call).await.unwrap();
        let call = call!(per_tenant, tenant = "one", milliseconds = milliseconds);
        one.submit(call).await.unwrap();
    }
    eventually("they run", async || runs.all().len() >= 2).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let database = Database::from_url(test.url()).connect().await.unwrap();
    // Each round is a heartbeat.
    let rounds = async || {
        let sql = "SELECT CAST(SUM(heartbeat) AS BIGINT) AS count FROM tasks_workers";
        count(&database, sql).await.unwrap()
    };
    let before = rounds().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let made = rounds().await - before;
    assert!(made <= 30, "{made} rounds in 3 seconds");
    shut_down(vec![one, other]).await;
}

async fn a_limit_says_why_a_job_waits(test: TestDatabase) {
    let runs = Runs::default();
    let settings = Jobs::new()
        .queue("narrow", 8)
        .queue_global_concurrency("narrow", 1);
    let one = process(&test, settings, &runs, tasks()).await;
    let mut last = Vec::new();
    for tenant in ["one", "one"] {
        let call = call!(per_tenant, tenant = tenant, milliseconds = 3000);
        last.push(one.submit(call).await.unwrap());
    }
    for tenant in ["two", "three", "four"] {
        let call = call!(per_tenant, tenant = tenant, milliseconds = 3000);
        last.push(one.submit(call).await.unwrap());
    }
    for _ in 0..3 {
        last.push(one.submit(call!(two_a_second)).await.unwrap());
    }
    for _ in 0..2 {
        last.push(
            one.submit(call!(narrow, milliseconds = 3000))
                .await
                .unwrap(),
        );
    }
    let why = async |place: usize| {
        let job = one.get(last[place].id).await.unwrap().unwrap();
        (job.pending_code, job.pending_reason.unwrap_or_default())
    };
    eventually("those that may run do", async || {
        let runs = runs.all();
        let of = |key: &str| runs.iter().filter(|run| run.key == key).count();
        of("one") == 1 && of("three") == 1 && of("none") == 2 && of("narrow") == 1
    })
    .await;
    let (code, words) = why(1).await;
    assert_eq!(code, Some(PendingCode::TaskLimit), "{words}");
    assert!(
        words.contains("the task `per_tenant` is reached: 3 jobs of it in all processes"),
        "{words}"
    );
    let (code, words) = why(7).await;
    assert_eq!(code, Some(PendingCode::RateLimit), "{words}");
    assert!(words.contains("the rate of its key `none`"), "{words}");
    let (code, words) = why(9).await;
    assert_eq!(code, Some(PendingCode::QueueLimit), "{words}");
    eventually("one of two runs", async || {
        let (code, words) = why(4).await;
        code == Some(PendingCode::TaskLimit) || words.is_empty()
    })
    .await;
    all_completed(&one, &last).await;
    let mut last = Vec::new();
    for _ in 0..2 {
        let call = call!(per_tenant, tenant = "one", milliseconds = 1500);
        last.push(one.submit(call).await.unwrap());
    }
    eventually("its key is at its limit", async || {
        let job = one.get(last[1].id).await.unwrap().unwrap();
        let words = job.pending_reason.unwrap_or_default();
        job.pending_code == Some(PendingCode::KeyLimit) && words.contains("its key `one`")
    })
    .await;
    one.shutdown().await;
}

async fn no_job_of_a_paused_task_begins(test: TestDatabase) {
    let runs = Runs::default();
    let one = process(&test, Jobs::new(), &runs, tasks()).await;
    let other = process(&test, Jobs::new(), &runs, tasks()).await;
    for name in ["free", "per_tenant"] {
        let paused = one.pause_task(name, Some("it is broken")).await.unwrap();
        assert_eq!(paused.paused.unwrap().reason.unwrap(), "it is broken");
    }
    // The other process knows by now.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(other.submit(call!(free, milliseconds = 1)).await.unwrap());
        let call = call!(per_tenant, tenant = "one", milliseconds = 1);
        jobs.push(other.submit(call).await.unwrap());
    }
    // Others of the same queue run.
    let call = call!(two_in_all, milliseconds = 1);
    all_completed(&one, &[one.submit(call).await.unwrap()]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(runs.keys(), [""]);
    let job = one.get(jobs[0].id).await.unwrap().unwrap();
    assert_eq!(job.pending_code, Some(PendingCode::TaskPaused));
    let words = job.pending_reason.unwrap();
    assert!(
        words.starts_with("the task `free` is paused since"),
        "{words}"
    );
    assert!(words.ends_with(": it is broken"), "{words}");
    let health = one.warnings();
    assert!(health.is_empty(), "{health:?}");
    let names: Vec<String> = one
        .paused_tasks()
        .await
        .unwrap()
        .into_iter()
        .map(|task| task.task)
        .collect();
    assert_eq!(names, ["free", "per_tenant"]);
    assert!(one.pause_task("nobody_has_it", None).await.is_err());
    for name in names {
        assert_eq!(other.resume_task(&name).await.unwrap().paused, None);
    }
    all_completed(&one, &jobs).await;
    shut_down(vec![one, other]).await;
}

async fn the_first_of_a_burst_runs(test: TestDatabase) {
    let runs = Runs::default();
    let one = process(&test, Jobs::new(), &runs, tasks()).await;
    let burst = |tenant: &str| {
        let call = call!(two_a_second, tenant = tenant);
        one.submit(call)
            .throttle("key", Duration::from_millis(1500))
    };
    let first = burst("first").store().await.unwrap();
    assert!(!first.replayed);
    let second = burst("second").store().await.unwrap();
    assert!(second.replayed && second.job.id == first.job.id);
    let ids = one
        .submit_all((0..3).map(|_| burst("third")))
        .await
        .unwrap();
    assert_eq!(ids, [first.job.id; 3]);
    // Another caller has bursts of its own, and so has another key.
    let others = burst("other caller")
        .submitted_by("somebody")
        .await
        .unwrap();
    let call = call!(two_a_second, tenant = "other key");
    let key = one
        .submit(call)
        .throttle("other", Duration::from_secs(1))
        .await
        .unwrap();
    assert!(others.id != first.job.id && key.id != first.job.id);
    tokio::time::sleep(Duration::from_millis(1600)).await;
    let next = burst("next").store().await.unwrap();
    assert!(!next.replayed);
    all_completed(&one, &[first.job, others, key, next.job]).await;
    assert_eq!(runs.keys(), ["first", "next", "other caller", "other key"]);
    // One that was deleted is no longer that of the burst.
    let job = burst("deleted").await.unwrap();
    one.delete(job.id).await.unwrap();
    let call = call!(two_a_second, tenant = "x");
    let wrong = one
        .submit(call)
        .throttle("", Duration::ZERO)
        .idempotency_key("k");
    let error = wrong.await.unwrap_err().to_string();
    for part in ["/throttle/key", "/throttle/period"] {
        assert!(error.contains(part), "{error}");
    }
    one.shutdown().await;
}

async fn the_last_of_a_burst_runs(test: TestDatabase) {
    let runs = Runs::default();
    let one = process(&test, Jobs::new(), &runs, tasks()).await;
    let burst = |tenant: &str| {
        let call = call!(per_tenant, tenant = tenant, milliseconds = 1);
        one.submit(call).debounce("page 7", Duration::from_secs(1))
    };
    let began = Instant::now();
    let first = burst("first").description("of the first").await.unwrap();
    assert_eq!(first.pending_code, None);
    for tenant in ["second", "third", "last"] {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let next = burst(tenant).await.unwrap();
        assert_eq!(next.id, first.id);
        assert_eq!(next.description, None);
    }
    all_completed(&one, std::slice::from_ref(&first)).await;
    assert!(began.elapsed() >= Duration::from_millis(2100));
    assert_eq!(runs.keys(), ["last"]);
    // The next burst is another job.
    let next = burst("next").await.unwrap();
    assert_ne!(next.id, first.id);
    // One that is canceled is not put off: the next one is stored.
    one.cancel(next.id).await.unwrap();
    let again = burst("again").await.unwrap();
    assert_ne!(again.id, next.id);
    all_completed(&one, &[again]).await;
    assert_eq!(runs.keys(), ["again", "last"]);
    // One that waits for another reason is replaced as well.
    one.pause_task("per_tenant", None).await.unwrap();
    let paused = burst("paused").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let replaced = burst("replaced").await.unwrap();
    assert_eq!(replaced.id, paused.id);
    one.resume_task("per_tenant").await.unwrap();
    all_completed(&one, &[replaced]).await;
    assert_eq!(runs.keys(), ["again", "last", "replaced"]);
    // It is the later of two times.
    let call = call!(per_tenant, tenant = "x", milliseconds = 1);
    let later = one.submit(call).debounce("k", Duration::from_secs(1));
    let later = later.delay(Duration::from_secs(3600)).await.unwrap();
    let away = later.scheduled_at.unwrap() - later.submitted_at;
    assert!(away.num_seconds() >= 3599, "{away}");
    one.shutdown().await;
}

on_all_databases!(
    a_limit_of_a_task_holds_over_processes,
    a_limit_of_a_key_holds_over_processes,
    keys_take_turns,
    a_rate_holds_over_processes,
    retries_are_within_the_limit,
    limits_of_queues_hold_over_processes,
    a_new_version_limits_what_was_stored_before,
    quarantined_jobs_are_within_the_limit,
    a_task_without_limits_runs_what_had_some,
    a_new_limit_holds_for_what_had_one_per_process,
    nobody_works_while_a_limit_is_reached,
    a_limit_says_why_a_job_waits,
    no_job_of_a_paused_task_begins,
    the_first_of_a_burst_runs,
    the_last_of_a_burst_runs,
    a_key_that_nobody_sends_is_refused,
);
