//! Why pending jobs do not run.

use super::*;

async fn a_pending_job_says_why_it_does_not_run(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let until = async |id: &str, code: &str, words: &str| {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let (_, job) = world.get(&format!("/api/v1/jobs/{id}")).await;
            let reason = job["pending_reason"].as_str().unwrap_or_default();
            if job["pending_code"] == code && reason.contains(words) {
                return job;
            }
            assert!(Instant::now() < deadline, "{code}, {words}: {job}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let sum = |priority: i32| json!({"params": {"a": 1, "b": 2}, "priority": priority});
    let long =
        |queue: &str| json!({"params": {"count": 1, "milliseconds": 60_000}, "queue": queue});

    // Times.
    let mut later = sum(0);
    later["delay"] = json!(3600);
    let later = world.submit("add", later).await;
    let job = until(&later, "scheduled", "it is not to begin before 20").await;
    let at = job["next_attempt_at"].as_str().unwrap();
    assert!(
        job["pending_reason"].as_str().unwrap().contains(&at[..19]),
        "{job}"
    );
    let again = world.submit("tried_again", json!({"params": {}})).await;
    until(&again, "retry", "attempt 1 has failed").await;

    // Limits.
    let alone = world
        .submit("alone", json!({"params": {"milliseconds": 60_000}}))
        .await;
    world.until(&alone, "running").await;
    let other = world
        .submit("alone", json!({"params": {"milliseconds": 60_000}}))
        .await;
    until(
        &other,
        "task-limit",
        "the only worker for it runs 1 of its jobs",
    )
    .await;
    let report = world.submit("steps", long("reports")).await;
    world.until(&report, "running").await;
    let second = world.submit("steps", long("reports")).await;
    until(&second, "queue-limit", "the limit of the queue `reports`").await;

    // All places are taken.
    let mut busy = vec![other, alone, second, report];
    for _ in 0..2 {
        let taken = world.submit("steps", long("default")).await;
        world.until(&taken, "running").await;
        busy.push(taken);
    }
    let first = world.submit("add", sum(0)).await;
    until(&first, "next", "as soon as a worker has a place free").await;
    let then = world.submit("add", sum(0)).await;
    until(&then, "workers-busy", "and 1 job is before it").await;
    for _ in 0..2 {
        world.submit("add", sum(7)).await;
    }
    until(&first, "workers-busy", "and 2 jobs are before it").await;

    // A list says the same.
    let (_, list) = world.get("/api/v1/jobs?status_filter=pending").await;
    let mut codes: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|job| job["pending_code"].as_str())
        .collect();
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            "next",
            "queue-limit",
            "retry",
            "scheduled",
            "task-limit",
            "workers-busy",
            "workers-busy",
            "workers-busy"
        ],
        "{list}"
    );

    let reason = json!({"reason": "moving house"});
    let pause = "/api/v1/jobs/$queues/default/$pause";
    assert_eq!(world.ask(Method::POST, pause, Some(reason)).await.0, 200);
    until(
        &first,
        "queue-paused",
        "the queue `default` is paused since 20",
    )
    .await;
    until(&first, "queue-paused", ": moving house").await;
    until(&later, "scheduled", "").await;
    for id in busy {
        let path = format!("/api/v1/jobs/{id}/$cancel");
        assert_eq!(world.ask(Method::POST, &path, None).await.0, 200);
    }
    let resume = "/api/v1/jobs/$queues/default/$resume";
    assert_eq!(world.ask(Method::POST, resume, None).await.0, 200);
    let done = world.until(&first, "completed").await;
    assert_eq!(
        (&done["pending_code"], &done["pending_reason"]),
        (&Value::Null, &Value::Null)
    );
    world.service.shutdown().await;
}

tasks_tests::on_both_databases!(a_pending_job_says_why_it_does_not_run);
