//! Runs the jobs that `advanced-service` accepts, and serves nothing: start as many as there is work for.
//!
//! `DATABASE_URL` is that of the service's PostgreSQL, `ARTIFACTS_DIR` a directory that they share.

use std::io::IsTerminal as _;

use advanced_service as _;
use anyhow::Context as _;
use task_execution::Directories;
use task_execution::data_dir::DataDir;
use task_execution::tasks::admin::BackupDir;
use tasks_web::artifacts::ContentStore;
use tasks_web::prelude::*;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let database = Database::from_env("DATABASE_URL").connect().await?;
    let content = std::env::var_os("ARTIFACTS_DIR").context("ARTIFACTS_DIR is not set")?;
    let artifacts = ArtifactManager::builder(database.clone())
        .store(ContentStore::local(content))
        .build()?;
    let scheduler = Scheduler::new(
        &database,
        Jobs::new().max_concurrency(5).queue("reports", 1),
    );
    let directories = Directories::default();
    let executor = TaskExecutor::builder(TaskRegistry::discover()?)
        .provide(database.clone())
        .provide(artifacts)
        .provide(scheduler.clone())
        .provide(DataDir::new(directories.data))
        .provide(BackupDir(directories.backups))
        .build()?;
    scheduler.start(&executor)?;
    println!("Working on {}", database.url());

    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    // What runs may end, and what is left then goes back to the queue.
    scheduler.shutdown().await;
    database.close().await;
    Ok(())
}
