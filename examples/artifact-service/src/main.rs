//! Serves tasks that store what they find: `cargo run -p artifact-service`.
//!
//! SQLite in `artifact-service.db`, or what `DATABASE_URL` says; large files beside it, or in `ARTIFACTS_DIR`.

use tasks_web::prelude::*;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    Service::builder(
        ServiceInfo::new("artifact-service", "Artifact Service")
            .version(env!("CARGO_PKG_VERSION"))
            .description("Analyses whose results are stored as a tree: projects, their datasets, and results."),
    )
    .with_database(Database::from_env_or("DATABASE_URL", "sqlite://artifact-service.db"))
    .with_artifacts(artifact_service::hierarchy())
    .with_health()
    .with_system()
    .with_landing_page()
    .with_logging()
    .with_monitoring()
    .build()
    .await?
    .run()
    .await?;
    Ok(())
}
