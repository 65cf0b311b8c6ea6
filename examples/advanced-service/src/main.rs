//! Jobs, artifacts and the simple tasks of another crate in one service: `cargo run -p advanced-service`.
//!
//! SQLite in `advanced-service.db`, or what `DATABASE_URL` says. `WORKERS=off` gives a process that only submits and shows jobs;
//! others that share its PostgreSQL run them.

use advanced_service::background::batch_work;
use task_execution::Directories;
use task_execution::data_dir::DataDir;
use task_execution::tasks::admin::BackupDir;
use tasks_web::prelude::*;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let directories = Directories::default();
    let workers = std::env::var("WORKERS").map_or(true, |text| text != "off");
    let service = Service::builder(
        ServiceInfo::new("advanced-task-service", "Advanced Task Service")
            .version(env!("CARGO_PKG_VERSION"))
            .description("Background jobs, pipelines and stored results."),
    )
    .with_database(Database::from_env_or(
        "DATABASE_URL",
        "sqlite://advanced-service.db",
    ))
    .with_jobs(
        Jobs::new()
            .max_concurrency(5)
            .queue("reports", 1)
            .run_workers(workers),
    )
    .with_artifacts(
        ArtifactHierarchy::new("task_results")
            .level(0, "task_run")
            .level(1, "step"),
    )
    // Stored at each start; what is not here any more is removed.
    .with_schedules(|scheduler| {
        [scheduler
            .schedule("nightly-batch", call!(batch_work, total = 10))
            .cron("30 2 * * *")
            .timezone("America/Los_Angeles")
            .description("A batch every night")]
    })
    .provide(DataDir::new(directories.data))
    .provide(BackupDir(directories.backups))
    .with_health()
    .with_system()
    .with_dashboard()
    .with_logging()
    .with_monitoring()
    .build()
    .await?;
    service.run().await?;
    Ok(())
}
