//! Programs with different tasks share one database: each takes what it can run, and what nobody can run is said.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::on_all_databases_at_once;

use crate::fleet::{Process, crashed};

const OLD: &[(&str, &str)] = &[("TASKS", "block,plan,flaky"), ("CONCURRENCY", "4")];
const NEW: &[(&str, &str)] = &[("TASKS", "sleep,plan,flaky,spawn"), ("CONCURRENCY", "4")];

/// 12 jobs of a second, four at a time: first without another process, then with one.
async fn a_process_without_the_task_does_not_hold_its_jobs_up(test: TestDatabase) {
    let new = Process::start(&test, NEW);
    let began = Instant::now();
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(new.submit("sleep", json!({"seconds": 1.0})).await);
    }
    for id in &ids {
        new.until(id, "completed", Duration::from_secs(60)).await;
    }
    let alone = began.elapsed();
    let old = Process::start(&test, OLD);
    for round in 0..2 {
        let began = Instant::now();
        let mut ids = Vec::new();
        for _ in 0..12 {
            ids.push(new.submit("sleep", json!({"seconds": 1.0})).await);
        }
        for id in &ids {
            let job = old.until(id, "completed", Duration::from_secs(60)).await;
            assert_eq!(
                (&job["attempt"], &job["crashes"]),
                (&json!(1), &json!(0)),
                "{job}"
            );
            assert_eq!(job["scheduled_at"], Value::Null, "{job}");
        }
        let took = began.elapsed();
        // They need three seconds on a machine with nothing else to do; each that the other process held up would wait for more than ten.
        let most = alone + Duration::from_secs(9);
        assert!(took < most, "round {round}: {took:?}, and {alone:?} alone");
    }
    // What both have, and what only the other has.
    let flaky = new.submit("flaky", json!({"works_at": 3})).await;
    let block = old.submit("block", json!({"seconds": 0.2})).await;
    assert_eq!(
        new.until(&flaky, "completed", Duration::from_secs(60))
            .await["attempt"],
        3
    );
    new.until(&block, "completed", Duration::from_secs(60))
        .await;
}

/// A thousand jobs of the other program do not stand in the way of one's own.
async fn many_jobs_of_another_program_do_not_stand_in_the_way(test: TestDatabase) {
    let other = Process::start(&test, &[("TASKS", "sleep"), ("CONCURRENCY", "1")]);
    for _ in 0..50 {
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let url = other.0.url("/api/v1/tasks/sleep/$submit");
            all.spawn(async move {
                let body = json!({"params": {"seconds": 60.0}});
                tasks_tests::http::post(&url, &body).await.unwrap().0
            });
        }
        while let Some(status) = all.join_next().await {
            assert_eq!(status.unwrap().as_u16(), 202);
        }
    }
    let own = Process::start(&test, OLD);
    for _ in 0..3 {
        let began = Instant::now();
        let id = own.submit("block", json!({"seconds": 0.0})).await;
        own.until(&id, "completed", Duration::from_secs(60)).await;
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
    }
}

/// A task is taken out of the program while jobs of it wait.
async fn jobs_that_nobody_can_run_are_reported_and_wait(test: TestDatabase) {
    let old = Process::start(&test, &[("TASKS", "sleep,block"), ("CONCURRENCY", "1")]);
    let first = old.submit("block", json!({"seconds": 8.0})).await;
    old.until(&first, "running", Duration::from_secs(10)).await;
    let body = json!({"params": {"seconds": 0.1}, "delay": 3});
    let delayed = old.submit_with("sleep", body).await;
    let waiting = old.submit("sleep", json!({"seconds": 0.1})).await;
    let before = old.job(&delayed).await;
    old.terminate().await;

    let without = Process::start(&test, &[("TASKS", "block")]);
    let deadline = Instant::now() + Duration::from_secs(30);
    let (status, health) = loop {
        let (status, health) = without.health().await;
        if health["checks"]["jobs"]["state"] == "degraded" {
            break (status, health);
        }
        assert!(
            Instant::now() < deadline,
            "{health}\n{}",
            without.0.output()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(status, 200, "{health}");
    let message = health["checks"]["jobs"]["message"].as_str().unwrap();
    assert!(message.contains("`sleep`"), "{message}");
    without.0.stderr_with("no worker has the task", 1).unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    for (id, scheduled) in [
        (&delayed, &before["scheduled_at"]),
        (&waiting, &Value::Null),
    ] {
        let job = without.job(id).await;
        assert_eq!(job["status"], "pending", "{job}");
        assert_eq!(job["pending_reason"], "no worker has this task", "{job}");
        assert_eq!(job["pending_code"], "no-worker-for-task", "{job}");
        // What is secret in them is not known here.
        assert_eq!(
            (&job["params"], &job["truncated"]),
            (&json!({}), &json!(["params"])),
            "{job}"
        );
        assert_eq!(&job["scheduled_at"], scheduled, "{job}");
        assert_eq!(
            (&job["attempt"], &job["started_at"]),
            (&json!(0), &Value::Null),
            "{job}"
        );
    }
    // It is there again.
    let with = Process::start(&test, NEW);
    for id in [&delayed, &waiting] {
        let job = without
            .until(id, "completed", Duration::from_secs(10))
            .await;
        assert_eq!(
            (&job["attempt"], &job["pending_reason"]),
            (&json!(1), &Value::Null),
            "{job}"
        );
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while without.health().await.1["checks"]["jobs"]["state"] != "healthy" {
        assert!(Instant::now() < deadline, "{:?}", without.health().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(with);
}

/// A queue is taken out of the program while a job and a schedule of it wait.
async fn jobs_in_a_queue_that_nobody_serves_are_reported_and_wait(test: TestDatabase) {
    const WITH: &[(&str, &str)] = &[("TASKS", "sleep"), ("QUEUES", "extra")];
    let old = Process::start(&test, WITH);
    let body = json!({"params": {"seconds": 0.1}, "queue": "extra", "delay": 3});
    let delayed = old.submit_with("sleep", body).await;
    let schedule =
        json!({"task_name": "sleep", "params": {"seconds": 0.1}, "queue": "extra", "interval": 4});
    let request = tasks_tests::http::client()
        .unwrap()
        .put(old.0.url("/api/v1/schedules/often"))
        .json(&schedule);
    let (status, record) = tasks_tests::http::answer(request).await.unwrap();
    assert_eq!(status.as_u16(), 201, "{record}");
    old.terminate().await;

    let without = Process::start(&test, &[("TASKS", "sleep")]);
    let jobs = async || without.health().await.1["checks"]["jobs"].clone();
    let until = async |wanted: &str| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let found = jobs().await;
            if found["state"] == wanted {
                return found;
            }
            assert!(Instant::now() < deadline, "{found}\n{}", without.0.output());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let degraded = until("degraded").await;
    let message = degraded["message"].as_str().unwrap();
    assert!(
        message.contains("jobs wait in queues that no worker serves: `extra`"),
        "{message}"
    );
    without
        .0
        .stderr_with("no worker serves the queue", 1)
        .unwrap();
    let job = without.job(&delayed).await;
    assert_eq!(
        (&job["status"], &job["attempt"], &job["pending_reason"]),
        (
            &json!("pending"),
            &json!(0),
            &json!("no worker serves this queue")
        ),
        "{job}"
    );
    // Runs of the schedule wait, too, and say why; jobs of other queues run.
    let url = without.0.url("/api/v1/jobs?schedule=often");
    let deadline = Instant::now() + Duration::from_secs(10);
    let runs = loop {
        let (_, runs) = tasks_tests::http::get(&url).await.unwrap();
        if runs.as_array().is_some_and(|runs| !runs.is_empty()) {
            break runs;
        }
        assert!(Instant::now() < deadline, "{}", without.0.output());
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(
        runs[0]["pending_reason"], "no worker serves this queue",
        "{runs}"
    );
    let other = without.submit("sleep", json!({"seconds": 0.0})).await;
    without
        .until(&other, "completed", Duration::from_secs(10))
        .await;

    // It is served again, by another process.
    let with = Process::start(&test, WITH);
    let job = without
        .until(&delayed, "completed", Duration::from_secs(10))
        .await;
    assert_eq!(job["pending_reason"], Value::Null, "{job}");
    until("healthy").await;
    drop(with);
}

/// One worker has the task of a job, and another one serves its queue: neither takes it.
async fn jobs_whose_task_and_queue_no_worker_has_together_are_reported(test: TestDatabase) {
    const BOTH: &[(&str, &str)] = &[("TASKS", "sleep"), ("QUEUES", "extra")];
    let both = Process::start(&test, BOTH);
    let body = json!({"params": {"seconds": 0.1}, "queue": "extra", "delay": 3});
    let delayed = both.submit_with("sleep", body).await;
    both.terminate().await;

    let task = Process::start(&test, &[("TASKS", "sleep")]);
    let queue = Process::start(&test, &[("TASKS", "block"), ("QUEUES", "extra")]);
    let until = async |process: &Process, wanted: &str| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (_, health) = process.health().await;
            let jobs = health["checks"]["jobs"].clone();
            if jobs["state"] == wanted {
                return jobs;
            }
            assert!(Instant::now() < deadline, "{jobs}\n{}", process.0.output());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    for process in [&task, &queue] {
        let degraded = until(process, "degraded").await;
        let message = degraded["message"].as_str().unwrap();
        for expected in ["task `sleep`", "queue `extra`", "Jobs::queue"] {
            assert!(message.contains(expected), "{expected}: {message}");
        }
        assert!(!message.contains("no worker serves"), "{message}");
        let words = "no worker that has the task serves the queue";
        process.0.stderr_with(words, 1).unwrap();
        let job = process.job(&delayed).await;
        assert_eq!(
            (&job["status"], &job["attempt"], &job["pending_reason"]),
            (
                &json!("pending"),
                &json!(0),
                &json!("no worker that has the task `sleep` serves the queue `extra`")
            ),
            "{job}"
        );
    }
    let both = Process::start(&test, BOTH);
    let job = task
        .until(&delayed, "completed", Duration::from_secs(10))
        .await;
    assert_eq!(job["pending_reason"], Value::Null, "{job}");
    for process in [&task, &queue, &both] {
        until(process, "healthy").await;
    }
}

/// The same where an engine decides when attempts begin, which is told of no job that its process cannot run.
async fn an_engine_hides_no_jobs_that_nobody_can_run(test: TestDatabase) {
    let engine = ("ENGINE", "called_back");
    let old = Process::start(&test, &[("TASKS", "sleep,adopt"), engine]);
    // Nobody calls back, so it stays where it is.
    let waiting = old.submit("sleep", json!({"seconds": 0.1})).await;
    old.terminate().await;

    let without = Process::start(&test, &[("TASKS", "block,adopt"), engine]);
    let state = async |process: &Process| process.health().await.1["checks"]["jobs"].clone();
    let until = async |wanted: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let found = state(&without).await;
            if found["state"] == wanted {
                return found;
            }
            assert!(Instant::now() < deadline, "{found}\n{}", without.0.output());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let degraded = until("degraded").await;
    let message = degraded["message"].as_str().unwrap();
    assert!(
        message.contains("jobs wait for tasks that no worker has: `sleep`"),
        "{message}"
    );
    assert_eq!(
        without.job(&waiting).await["pending_reason"],
        "no worker has this task"
    );
    let with = Process::start(&test, &[("TASKS", "sleep,adopt"), engine]);
    with.execute("adopt", json!({})).await;
    with.until(&waiting, "completed", Duration::from_secs(10))
        .await;
    until("healthy").await;
}

/// An old version is replaced by a new one, process by process, with schedules and retries under way.
async fn a_rolling_restart_with_other_tasks_stalls_nothing(test: TestDatabase) {
    let first = Process::start(&test, OLD);
    let second = Process::start(&test, OLD);
    let flaky = first.submit("flaky", json!({"works_at": 5})).await;
    let removed = first.submit("block", json!({"seconds": 0.5})).await;
    let new = Process::start(&test, NEW);
    new.execute("plan", json!({"task": "sleep", "params": {"seconds": 0.1}}))
        .await;
    let spawned = new
        .execute("spawn", json!({"seconds": 1.0, "count": 2}))
        .await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(new.submit("sleep", json!({"seconds": 0.5})).await);
    }
    first.terminate().await;
    let newer = Process::start(&test, NEW);
    second.terminate().await;
    for id in ids.iter().chain([&flaky, &removed]) {
        let job = newer.until(id, "completed", Duration::from_secs(30)).await;
        assert_eq!(job["crashes"], 0, "{job}");
    }
    for id in spawned.as_array().unwrap() {
        new.until(id.as_str().unwrap(), "completed", Duration::from_secs(60))
            .await;
    }
    // The schedule has run each second, whoever was there.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let url = new.0.url("/api/v1/jobs?task=sleep&status_filter=pending");
    let (_, waiting) = tasks_tests::http::get(&url).await.unwrap();
    assert!(waiting.as_array().unwrap().len() < 3, "{waiting}");
    assert_eq!(crashed(&test).await, 0);
}

/// A rolling deploy that loosens a constraint: a process of the version before leaves what only the new one takes, and fails it when it is
/// alone.
async fn jobs_that_break_a_constraint_here_are_left_to_other_versions(test: TestDatabase) {
    let old = Process::start(&test, &[("LIMIT", "10")]);
    let new = Process::start(&test, &[("LIMIT", "100")]);
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(new.submit("bounded", json!({"n": 50})).await);
    }
    for id in &ids {
        let job = new.until(id, "completed", Duration::from_secs(60)).await;
        assert_eq!(job["attempt"], 1, "{job}");
    }
    // What both take is run by either.
    let id = old.submit("bounded", json!({"n": 5})).await;
    old.until(&id, "completed", Duration::from_secs(10)).await;
    let said = old.0.stderr();
    let words = "do not fit the task as this process has it";
    assert!(said.matches(words).count() <= 1, "{said}");
    if said.contains(words) {
        let (_, health) = old.health().await;
        let jobs = &health["checks"]["jobs"];
        assert_eq!(jobs["state"], "degraded", "{health}");
        let message = jobs["message"].as_str().unwrap();
        assert!(
            message.contains("jobs are left to other processes: "),
            "{message}"
        );
    }

    // One that has not the task does not count.
    let without = Process::start(&test, &[("TASKS", "block")]);
    let body = json!({"params": {"n": 50}, "delay": 3});
    let last = new.submit_with("bounded", body).await;
    new.terminate().await;
    let job = old.until(&last, "failed", Duration::from_secs(60)).await;
    assert_eq!(
        (&job["attempt"], &job["error_code"]),
        (&json!(1), &json!("not-run")),
        "{job}"
    );
    drop(without);
}

on_all_databases_at_once!(
    jobs_that_break_a_constraint_here_are_left_to_other_versions,
    a_process_without_the_task_does_not_hold_its_jobs_up,
    many_jobs_of_another_program_do_not_stand_in_the_way,
    jobs_that_nobody_can_run_are_reported_and_wait,
    jobs_in_a_queue_that_nobody_serves_are_reported_and_wait,
    jobs_whose_task_and_queue_no_worker_has_together_are_reported,
    an_engine_hides_no_jobs_that_nobody_can_run,
    a_rolling_restart_with_other_tasks_stalls_nothing,
    a_schedule_without_a_worker_is_said,
    a_node_without_a_worker_is_said,
    a_process_without_workers_says_what_no_worker_takes,
);

/// Of a schedule whose task no worker has any more, workers and processes without workers say so, and so does its record.
async fn a_schedule_without_a_worker_is_said(test: TestDatabase) {
    let old = Process::start(&test, &[("TASKS", "sleep,plan,adopt")]);
    let params = json!({"task": "sleep", "params": {"seconds": 0.0}});
    old.execute("plan", params).await;
    old.terminate().await;
    let new = Process::start(&test, &[("TASKS", "block,plan")]);
    let web = Process::start(&test, &[("TASKS", "block,plan"), ("WORKERS", "off")]);
    for process in [&new, &web] {
        let message = until_degraded(process).await;
        assert!(
            message.contains("`each-second-sleep` of task `sleep`")
                && message.contains("start a worker that has it"),
            "{message}"
        );
        let url = process.0.url("/api/v1/schedules/each-second-sleep");
        let (_, schedule) = tasks_tests::http::get(&url).await.unwrap();
        let reason = schedule["pending_reason"].as_str().unwrap();
        assert!(
            reason.starts_with("no worker has the task `sleep`"),
            "{schedule}"
        );
        let output = process.0.output();
        let lines = output
            .matches("no worker has the task of schedules")
            .count();
        assert_eq!(lines, 1, "{output}");
    }
    let old = Process::start(&test, &[("TASKS", "sleep,plan")]);
    for process in [&new, &web, &old] {
        until_healthy(process).await;
        let url = process.0.url("/api/v1/schedules/each-second-sleep");
        let (_, schedule) = tasks_tests::http::get(&url).await.unwrap();
        assert_eq!(schedule["pending_reason"], Value::Null, "{schedule}");
    }
}

/// Of a node of a graph whose task no worker has any more, and that has no job yet, workers and processes without workers say so.
async fn a_node_without_a_worker_is_said(test: TestDatabase) {
    let old = Process::start(&test, &[("TASKS", "sleep,block")]);
    let graph = json!({"nodes": {
        "first": {"task": "block", "params": {"seconds": 3.0}},
        "second": {"task": "sleep", "params": {"seconds": 0.0}, "after": [{"node": "first"}]},
    }});
    let url = old.0.url("/api/v1/graphs");
    let (status, graph) = tasks_tests::http::post(&url, &graph).await.unwrap();
    assert_eq!(status.as_u16(), 202, "{graph}");
    let first = graph["nodes"][0]["job_id"].as_str().unwrap();
    old.until(first, "running", Duration::from_secs(60)).await;
    let new = Process::start(&test, &[("TASKS", "block")]);
    let web = Process::start(&test, &[("TASKS", "block"), ("WORKERS", "off")]);
    drop(old);
    for process in [&new, &web] {
        let message = until_degraded(process).await;
        assert!(message.contains("`sleep`"), "{message}");
    }
    new.0.stderr_with("no worker has the task", 1).unwrap();
    let _old = Process::start(&test, &[("TASKS", "sleep")]);
    for process in [&new, &web] {
        until_healthy(process).await;
    }
    let url = new
        .0
        .url(&format!("/api/v1/graphs/{}", graph["id"].as_str().unwrap()));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, graph) = tasks_tests::http::get(&url).await.unwrap();
        if graph["status"] == "completed" {
            return;
        }
        assert!(Instant::now() < deadline, "{graph}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A process without workers says of jobs that no worker takes what workers say, and counts them.
async fn a_process_without_workers_says_what_no_worker_takes(test: TestDatabase) {
    let web = Process::start(&test, &[("WORKERS", "off")]);
    web.submit("sleep", json!({"seconds": 0.0})).await;
    let message = until_degraded(&web).await;
    assert!(
        message.contains("no worker") && message.contains("default"),
        "{message}"
    );
    let metrics = reqwest::get(web.0.url("/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("tasks_jobs_pending{queue=\"default\"} 1"),
        "{metrics}"
    );
    let _worker = Process::start(&test, &[]);
    until_healthy(&web).await;
}

async fn until_degraded(process: &Process) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, health) = process.health().await;
        let jobs = &health["checks"]["jobs"];
        if jobs["state"] == "degraded" {
            return jobs["message"].as_str().unwrap().to_owned();
        }
        assert!(Instant::now() < deadline, "{health}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn until_healthy(process: &Process) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, health) = process.health().await;
        if health["checks"]["jobs"]["state"] == "healthy" {
            return;
        }
        assert!(Instant::now() < deadline, "{health}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
