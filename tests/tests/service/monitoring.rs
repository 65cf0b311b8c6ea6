//! Metrics, as Prometheus reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;

use super::*;

#[task(register = false)]
async fn slow(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

#[task(register = false)]
async fn panics() {
    #[allow(clippy::panic, reason = "it is what is tested")]
    {
        panic!("oh no")
    }
}

#[task(register = false, timeout = "50ms")]
async fn too_slow() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

/// Holds its thread, in the second of its polls.
#[task(register = false)]
async fn computes(milliseconds: u64) {
    tokio::task::yield_now().await;
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// Has a thread of its own.
#[task(register = false)]
fn may_block(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

async fn metrics(app: &Running) -> BTreeMap<String, f64> {
    let response = http::client()
        .unwrap()
        .get(app.url("/metrics"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    let text = response.text().await.unwrap();
    let mut values = BTreeMap::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (name, value) = line.rsplit_once(' ').unwrap();
        values.insert(name.to_owned(), value.parse().unwrap());
    }
    values
}

/// A value; none before the first event.
async fn seen(app: &Running, name: &str) -> f64 {
    metrics(app).await.get(name).copied().unwrap_or_default()
}

async fn service(test: &TestDatabase) -> Running {
    let registry = TaskRegistry::builder()
        .task(add)
        .task(fail)
        .task(slow)
        .task(panics)
        .task(too_slow)
        .build()
        .unwrap();
    serve(
        Service::builder(ServiceInfo::new("measured", "Measured"))
            .with_tasks(registry)
            .with_monitoring()
            .with_health()
            .with_database(Database::from_url(test.url())),
    )
    .await
}

async fn what_is_counted(test: TestDatabase) {
    let app = service(&test).await;
    let execute = async |name: &str, params: serde_json::Value| {
        http::post(
            &app.url(&format!("/api/v1/tasks/{name}/$execute")),
            &json!({"params": params}),
        )
        .await
        .unwrap()
        .0
    };
    for _ in 0..3 {
        execute("add", json!({"a": 1, "b": 2})).await;
    }
    execute("add", json!({"a": 1})).await;
    execute("fail", json!({"password": "hunter2"})).await;
    execute("panics", json!({})).await;
    execute("too_slow", json!({})).await;
    execute("nobody", json!({})).await;
    for n in 0..50 {
        let _ = http::get(&app.url(&format!("/nowhere/{n}"))).await.unwrap();
        let _ = http::get(&app.url(&format!("/api/v1/tasks/none-{n}")))
            .await
            .unwrap();
    }
    let request = http::client()
        .unwrap()
        .request(reqwest::Method::from_bytes(b"BREW").unwrap(), app.url("/x"));
    request.send().await.unwrap();

    let seen = metrics(&app).await;
    let value = |name: &str| {
        seen.get(name)
            .copied()
            .unwrap_or_else(|| panic!("{name}: {seen:#?}"))
    };
    let execution = |task: &str, outcome: &str| {
        value(&format!(
            "tasks_executions_total{{task=\"{task}\",outcome=\"{outcome}\"}}"
        ))
    };
    assert_eq!(execution("add", "completed"), 3.0);
    assert_eq!(execution("add", "invalid_arguments"), 1.0);
    assert_eq!(execution("fail", "failed"), 1.0);
    assert_eq!(execution("panics", "panicked"), 1.0);
    assert_eq!(execution("too_slow", "timed_out"), 1.0);
    assert_eq!(
        value("tasks_execution_duration_seconds_count{task=\"add\"}"),
        4.0
    );
    assert!(value("tasks_execution_duration_seconds_bucket{task=\"too_slow\",le=\"0.025\"}") < 1.0);
    assert_eq!(value("tasks_executions_in_flight{task=\"add\"}"), 0.0);
    let route = "/api/v1/tasks/{name}/$execute";
    let http = |method: &str, route: &str, status: u16| {
        value(&format!(
            "http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
        ))
    };
    assert_eq!(http("POST", route, 200), 6.0);
    assert_eq!(http("POST", route, 422), 1.0);
    assert_eq!(http("POST", route, 404), 1.0);
    assert_eq!(http("GET", "/api/v1/tasks/{name}", 404), 50.0);
    // However many paths nobody answers, they are one.
    assert_eq!(http("GET", "unmatched", 404), 50.0);
    assert_eq!(http("OTHER", "unmatched", 404), 1.0);
    assert!(value("tasks_database_connections{state=\"idle\"}") >= 0.0);
    assert!(value("tasks_database_connections{state=\"used\"}") >= 0.0);
    assert_eq!(value("tasks_database_connection_waiters"), 0.0);
    assert!(
        !seen
            .keys()
            .any(|key| key.contains("hunter2") || key.contains("nowhere") || key.contains("none-")),
        "{seen:#?}"
    );
}

async fn what_is_under_way(test: TestDatabase) {
    let app = service(&test).await;
    let url = app.url("/api/v1/tasks/slow/$execute");
    let body = json!({"params": {"milliseconds": 60_000}});
    let running = tokio::spawn(async move { http::post(&url, &body).await });
    let in_flight = "tasks_executions_in_flight{task=\"slow\"}";
    while seen(&app, in_flight).await < 1.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A client that hangs up ends what it asked for.
    running.abort();
    while seen(&app, in_flight).await > 0.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        metrics(&app).await["tasks_executions_total{task=\"slow\",outcome=\"canceled\"}"],
        1.0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_hold_their_thread_are_counted_in_requests_and_in_jobs() {
    let registry = TaskRegistry::builder()
        .task(computes)
        .task(task(computes).named("computes_as_a_job"))
        .task(may_block)
        .build()
        .unwrap();
    let service = Service::builder(ServiceInfo::new("measured", "Measured"))
        .with_tasks(registry)
        .with_monitoring()
        .with_database(Database::sqlite_in_memory())
        .with_jobs(Jobs::new())
        .configure_executor(|executor| executor.slow_poll_threshold(Duration::from_millis(300)))
        .build()
        .await
        .unwrap();
    service.startup().await.unwrap();
    let app = Running::service(&service);
    for (call, milliseconds) in [
        ("computes/$execute", 400),
        ("computes/$execute", 400),
        ("may_block/$execute", 400),
        ("computes_as_a_job/$submit", 1),
        ("computes_as_a_job/$submit", 400),
    ] {
        let url = app.url(&format!("/api/v1/tasks/{call}"));
        let body = json!({"params": {"milliseconds": milliseconds}});
        let (status, answer) = http::post(&url, &body).await.unwrap();
        assert!(status.is_success(), "{answer}");
    }
    let of_job = "tasks_executions_total{task=\"computes_as_a_job\",outcome=\"completed\"}";
    while seen(&app, of_job).await < 2.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seen = metrics(&app).await;
    let slow = |task: &str| {
        let name = format!("tasks_slow_polls_total{{task=\"{task}\"}}");
        seen.get(&name).copied().unwrap_or_default()
    };
    assert_eq!(
        (
            slow("computes"),
            slow("computes_as_a_job"),
            slow("may_block")
        ),
        (2.0, 1.0, 0.0)
    );
    service.shutdown().await;
}

/// A task that nobody calls takes no space, and every metric says what it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_idle_is_small_and_all_is_described() {
    let idle = (0..50).fold(TaskRegistry::builder().task(add), |registry, number| {
        let name: &'static str = format!("idle_task_{number}").leak();
        registry.task(task(slow).named(name))
    });
    let app = serve(
        Service::builder(ServiceInfo::new("idle", "Idle"))
            .with_tasks(idle.build().unwrap())
            .with_jobs(Jobs::new())
            .with_logging()
            .with_monitoring(),
    )
    .await;
    let body = json!({"params": {"a": 1, "b": 2}});
    http::post(&app.url("/api/v1/tasks/add/$execute"), &body)
        .await
        .unwrap();
    let text = reqwest::get(app.url("/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(!text.contains("idle_task"), "{text}");
    assert!(text.len() < 10_000, "{}: {text}", text.len());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next().unwrap();
            assert!(text.contains(&format!("# HELP {name} ")), "{name}: {text}");
        }
    }
    assert!(
        text.contains(
            "# HELP tasks_execution_duration_seconds How long executions took, in seconds."
        ),
        "{text}"
    );
}

tasks_tests::on_both_databases!(what_is_counted, what_is_under_way);
