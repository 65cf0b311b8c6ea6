//! A service whose process is killed again and again: `crashing-worker <database url>`.
//!
//! Its tasks leave traces in tables of their own, which the harness compares with what was submitted.

use std::time::Duration;

use anyhow::Context as _;
use diesel::sql_types::{BigInt, Text};
use tasks_web::database::RunQueryDsl;
use tasks_web::prelude::*;

/// Leaves a row each time it runs. Its database may be gone for a moment.
#[task(retries = 100, backoff = "constant(200ms)")]
async fn effect(context: TaskContext, session: Session, milliseconds: u64) -> anyhow::Result<u32> {
    let job = context.idempotency_key();
    let attempt = i64::from(context.attempt());
    session
        .transaction(async |tx| {
            with_conn!(tx, |conn| {
                diesel::sql_query("INSERT INTO effects (job, attempt) VALUES ($1, $2)")
                    .bind::<Text, _>(&job)
                    .bind::<BigInt, _>(attempt)
                    .execute(conn)
                    .await
            })
        })
        .await?;
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    Ok(context.attempt())
}

/// Leaves a row in the transaction that completes the job.
#[task(retries = 100, backoff = "constant(200ms)")]
async fn exact(context: TaskContext, session: Session, milliseconds: u64) -> anyhow::Result<u32> {
    leave_one_row(&context, &session, milliseconds).await
}

/// The same as a node of a graph, after another one that gives it a number.
#[task(retries = 100, backoff = "constant(200ms)")]
async fn graph_step(
    context: TaskContext,
    session: Session,
    milliseconds: u64,
    earlier: Option<u32>,
) -> anyhow::Result<u32> {
    let attempt = leave_one_row(&context, &session, milliseconds).await?;
    Ok(attempt + earlier.unwrap_or_default())
}

async fn leave_one_row(
    context: &TaskContext,
    session: &Session,
    milliseconds: u64,
) -> anyhow::Result<u32> {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    let job = context.idempotency_key();
    let result = context.attempt();
    session
        .transaction(async |tx| {
            with_conn!(tx, |conn| {
                diesel::sql_query("INSERT INTO exact_effects (job) VALUES ($1)")
                    .bind::<Text, _>(&job)
                    .execute(conn)
                    .await
            })?;
            context.complete(tx, &result).await?;
            anyhow::Ok(())
        })
        .await?;
    Ok(result)
}

/// Runs one at a time with each of a few keys. A lock of the system says whether another one runs: it is gone with the process that holds it.
#[task(
    retries = 100,
    backoff = "constant(200ms)",
    concurrency_key = "milliseconds",
    global_concurrency = 6
)]
async fn keyed(context: TaskContext, session: Session, milliseconds: u64) -> anyhow::Result<u32> {
    let path = std::env::var("LOCKS").context("the folder of the locks")?;
    let file = std::fs::File::create(std::path::Path::new(&path).join(milliseconds.to_string()))?;
    if file.try_lock().is_err() {
        session
            .transaction(async |tx| {
                with_conn!(tx, |conn| {
                    diesel::sql_query("INSERT INTO double_runs (job) VALUES ($1)")
                        .bind::<Text, _>(&context.idempotency_key())
                        .execute(conn)
                        .await
                })
            })
            .await?;
    }
    let result = leave_one_row(&context, &session, milliseconds).await;
    drop(file);
    result
}

/// Takes steps: what the first one stored, when it ran, is in a row of the second one and in the result.
#[task(retries = 100, backoff = "constant(200ms)")]
async fn stepped(context: TaskContext, milliseconds: u64) -> anyhow::Result<String> {
    let job = context.idempotency_key();
    let first: String = context
        .step("first", async || anyhow::Ok(ulid::Ulid::new().to_string()))
        .await?;
    context
        .sleep("nap", Duration::from_millis(milliseconds))
        .await?;
    let value = first.clone();
    context
        .step_in("row", async |tx| {
            with_conn!(tx, |conn| {
                diesel::sql_query("INSERT INTO step_effects (job, value) VALUES ($1, $2)")
                    .bind::<Text, _>(&job)
                    .bind::<Text, _>(&value)
                    .execute(conn)
                    .await
            })?;
            anyhow::Ok(())
        })
        .await?;
    let event: u32 = context.wait_for("go", Duration::from_secs(600)).await?;
    anyhow::ensure!(event == 7, "another event came: {event}");
    Ok(first)
}

/// Submits two jobs of its own, and waits for both.
#[task(retries = 100, backoff = "constant(200ms)")]
async fn parent(
    context: TaskContext,
    scheduler: Scheduler,
    milliseconds: u64,
) -> anyhow::Result<u32> {
    let mut children = Vec::new();
    for n in 0..2 {
        let child = scheduler.submit(call!(exact, milliseconds = milliseconds));
        children.push(context.spawn_child(("child", n), child).await?);
    }
    let mut attempts = 0;
    for child in children {
        let of_child: u32 = child.result().await?;
        attempts += of_child;
    }
    Ok(attempts)
}

/// Ends its process.
#[task]
async fn poison() {
    std::process::abort();
}

/// Ends its process, and may do so less often than others.
#[task(crash_limit = 4)]
async fn limited_poison() {
    std::process::abort();
}

/// Ends its process, and never runs again.
#[task(crash_limit = 1)]
async fn fatal_once() {
    std::process::abort();
}

/// A number in the environment.
fn number(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args()
        .nth(1)
        .or_else(|| std::env::var("DATABASE_URL").ok());
    let url = url.context("a database URL is needed")?;
    let crash_limit = number("CRASH_LIMIT");
    let database = Database::from_url(&url).connect().await?;
    database
        .session()
        .execute_script(
            "CREATE TABLE IF NOT EXISTS effects (job TEXT NOT NULL, attempt BIGINT NOT NULL); \
             CREATE TABLE IF NOT EXISTS exact_effects (job TEXT NOT NULL); \
             CREATE TABLE IF NOT EXISTS double_runs (job TEXT NOT NULL); \
             CREATE TABLE IF NOT EXISTS step_effects (job TEXT NOT NULL, value TEXT NOT NULL)",
        )
        .await?;
    let mut jobs = Jobs::new()
        .max_concurrency(16)
        .crash_limit(crash_limit.unwrap_or(5));
    if let Some(seconds) = number("LEASE") {
        jobs = jobs.lease(Duration::from_secs(seconds.into()));
    }
    Service::builder(ServiceInfo::new("crashing-worker", "Crashing worker"))
        .with_database(database)
        .with_jobs(jobs)
        .http_threads(1)
        .build()
        .await?
        .run()
        .await?;
    Ok(())
}
