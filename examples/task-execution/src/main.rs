//! Serves tasks of all kinds: `cargo run -p task-execution`.

use task_execution::Directories;
use task_execution::data_dir::DataDir;
use task_execution::tasks::admin::BackupDir;
use tasks_web::prelude::*;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let directories = Directories::default();
    Service::builder(
        ServiceInfo::new("task-execution", "Task Execution")
            .version(env!("CARGO_PKG_VERSION"))
            .description("Tasks of all kinds that need no database."),
    )
    .with_tasks(task_execution::registry()?)
    .provide(DataDir::new(directories.data))
    .provide(BackupDir(directories.backups))
    .with_health()
    .with_system()
    .with_landing_page()
    .with_logging()
    .build()
    .await?
    .run()
    .await?;
    Ok(())
}
