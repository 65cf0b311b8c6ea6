//! Background jobs over HTTP.

mod audit_log;
mod durable_steps;
mod flow_control;
mod graphs;
mod lineage;
mod list_stream;
mod lists;
mod operations;
mod past;
mod pending;
mod queues;
mod running;
mod schedules;
mod searching;
mod submitting;
mod workers;

use super::*;
use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;

#[task(register = false, tags = ["slow"])]
async fn steps(context: TaskContext, count: u64, milliseconds: u64) -> u64 {
    for step in 0..count {
        context.progress(step, count, format!("step {step}"));
        context.log(format!("did step {step}"));
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    count
}

/// Stores something, and says what.
#[task(register = false, tags = ["slow"])]
async fn store(artifacts: ArtifactManager, data: Value) -> anyhow::Result<Value> {
    let id = artifacts
        .save(NewArtifact::json(data))
        .await?
        .id
        .to_string();
    Ok(json!({"artifact_id": id}))
}

/// Returns a result after its job was canceled by another process, before its own has seen that.
#[task(register = false)]
async fn return_canceled(database: Database, context: TaskContext) -> anyhow::Result<()> {
    let id = context.job_id().context("it is a job")?;
    let cancel = format!("UPDATE tasks_jobs SET cancel_requested_at = run_at WHERE id = '{id}'");
    database.session().execute_script(&cancel).await?;
    Ok(())
}

/// Runs alone.
#[task(register = false, max_concurrency = 1)]
async fn alone(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// Fails, and is tried again much later.
#[task(register = false, retries = 3, backoff = "constant(1h)")]
async fn tried_again() -> anyhow::Result<()> {
    anyhow::bail!("not yet")
}

/// Submits sums, one at a time and several at once.
#[task(register = false)]
async fn submit_sums(scheduler: Scheduler, count: i64) -> anyhow::Result<Vec<String>> {
    let first = scheduler.submit(call!(add, a = 1, b = 1)).await?;
    let others = (1..count).map(|number| scheduler.submit(call!(add, a = number, b = 1)));
    let others = scheduler.submit_all(others).await?;
    let mut ids = vec![first.id.to_string()];
    ids.extend(others.iter().map(ToString::to_string));
    Ok(ids)
}

/// Counts in a step, and waits for somebody to say what is added.
#[task(register = false, tags = ["slow"])]
async fn add_later(context: TaskContext, a: i64) -> anyhow::Result<i64> {
    let a: i64 = context.step("double", async || anyhow::Ok(2 * a)).await?;
    let b: i64 = context
        .wait_for("addend", Duration::from_secs(86_400))
        .await?;
    Ok(a + b)
}

struct World {
    app: Running,
    service: Service,
    _test: TestDatabase,
}

impl World {
    async fn new(
        test: TestDatabase,
        change: impl FnOnce(ServiceBuilder) -> ServiceBuilder,
    ) -> Self {
        let registry = TaskRegistry::builder()
            .task(add)
            .task(fail)
            .task(steps)
            .task(store)
            .task(return_canceled)
            .task(alone)
            .task(tried_again)
            .task(submit_sums)
            .task(add_later)
            .build()
            .unwrap();
        let builder = Service::builder(ServiceInfo::new("with-jobs", "With jobs"))
            .with_tasks(registry)
            .with_database(Database::from_url(test.url()))
            .with_artifacts(ArtifactHierarchy::new("results"))
            .with_health()
            .with_monitoring()
            .with_jobs(
                Jobs::new()
                    .max_concurrency(4)
                    .queue("reports", 1)
                    .history_interval(Duration::from_millis(100)),
            );
        let service = change(builder).build().await.unwrap();
        service.startup().await.unwrap();
        Self {
            app: Running::service(&service),
            service,
            _test: test,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.ask_with(method, path, body, &[]).await
    }

    async fn ask_with(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let mut request = http::client().unwrap().request(method, self.app.url(path));
        if let Some(body) = body {
            request = request.json(&body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn submit(&self, task: &str, body: Value) -> String {
        let (status, job) = self
            .ask(
                Method::POST,
                &format!("/api/v1/tasks/{task}/$submit"),
                Some(body),
            )
            .await;
        assert_eq!(status, 202, "{job}");
        job["id"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, None).await
    }

    async fn until_metric(&self, expected: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let url = self.app.url("/metrics");
            let metrics = http::client().unwrap().get(url).send().await.unwrap();
            let metrics = metrics.text().await.unwrap();
            if metrics.lines().any(|line| line == expected) {
                return;
            }
            assert!(Instant::now() < deadline, "{expected}: {metrics}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn until(&self, id: &str, status: &str) -> Value {
        loop {
            let (answered, job) = self.get(&format!("/api/v1/jobs/{id}")).await;
            assert_eq!(answered, 200, "{job}");
            if job["status"] == status {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
