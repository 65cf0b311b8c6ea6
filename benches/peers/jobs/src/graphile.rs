//! `graphile_worker` on PostgreSQL. It deletes jobs that are done, and keeps no results.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use graphile_worker::tokio_postgres::TokioPostgresDatabase;
use graphile_worker::{
    Database, IntoTaskHandlerResult, JobSpec, LocalQueueConfig, RawJobSpec, TaskHandler,
    WorkerContext, WorkerOptions, WorkerUtils,
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{BATCH, Figures, JOBS, SINGLE, per_second};

const SCHEMA: &str = "graphile_worker";

#[derive(Clone, Debug)]
struct Done(Arc<AtomicUsize>);

#[derive(Clone, Debug)]
struct Started(mpsc::UnboundedSender<Instant>);

#[derive(Deserialize, Serialize)]
struct Nothing {
    n: usize,
}

impl TaskHandler for Nothing {
    const IDENTIFIER: &'static str = "nothing";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(done) = context.get_ext::<Done>() {
            done.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<(), String>(())
    }
}

#[derive(Deserialize, Serialize)]
struct Now {}

impl TaskHandler for Now {
    const IDENTIFIER: &'static str = "now";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(started) = context.get_ext::<Started>() {
            let _ = started.0.send(Instant::now());
        }
        Ok::<(), String>(())
    }
}

/// As it comes, or with its local queue of a size and completions in batches.
pub(crate) async fn measure(url: &str, local_queue: Option<usize>) -> Result<Figures> {
    let database: Database = TokioPostgresDatabase::from_url(url, 40)
        .map_err(|error| anyhow::anyhow!("{error}"))?
        .into();
    let done = Done(Arc::default());
    let (sender, mut started) = mpsc::unbounded_channel();
    let mut options = WorkerOptions::default()
        .database(database.clone())
        .schema(SCHEMA)
        .listen_os_shutdown_signals(false)
        .add_extension(done.clone())
        .add_extension(Started(sender))
        .define_job::<Nothing>()
        .define_job::<Now>();
    if let Some(size) = local_queue {
        options = options
            .concurrency(16)
            .local_queue(LocalQueueConfig::default().with_size(size))
            .complete_job_batch_delay(Duration::from_millis(5));
    }
    let worker = Arc::new(options.init().await?);
    let utils = WorkerUtils::new(database, SCHEMA);

    let began = Instant::now();
    for start in (0..JOBS).step_by(BATCH) {
        let jobs = (start..start + BATCH)
            .map(|n| {
                Ok(RawJobSpec {
                    identifier: Nothing::IDENTIFIER.to_owned(),
                    payload: serde_json::to_value(Nothing { n })?,
                    spec: JobSpec::default(),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        utils.add_raw_jobs(&jobs).await?;
    }
    let submitted = per_second(JOBS, began);

    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let began = Instant::now();
    // Without a local queue, `run` takes as many jobs of a backlog as it has places at each of its polls, which is two a second
    // here: what comes nearest to its best is `run_once`, which goes on until there are none.
    if local_queue.is_none() {
        worker.run_once().await?;
    }
    let running = tokio::spawn({
        let worker = Arc::clone(&worker);
        async move { worker.run().await }
    });
    while done.0.load(Ordering::Relaxed) < JOBS {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    loop {
        let left = client
            .query_one("SELECT COUNT(*) FROM graphile_worker._private_jobs", &[])
            .await?;
        if left.get::<_, i64>(0) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let drained = per_second(JOBS, began);

    let mut starts = Vec::with_capacity(SINGLE);
    for _ in 0..SINGLE {
        let began = Instant::now();
        utils.add_job(Now {}, JobSpec::default()).await?;
        starts.push(started.recv().await.context("the worker is gone")? - began);
    }
    worker.request_shutdown();
    running.await??;

    let began = Instant::now();
    for n in 0..SINGLE {
        utils.add_job(Nothing { n }, JobSpec::default()).await?;
    }
    Ok(Figures {
        drained,
        submitted,
        single: per_second(SINGLE, began),
        starts,
    })
}
