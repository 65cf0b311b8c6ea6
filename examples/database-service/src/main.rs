//! Serves tasks over tables: `cargo run -p database-service`.
//!
//! SQLite in `database-service.db`, or what `DATABASE_URL` says.

use database_service::{airports, database};
use tasks_web::prelude::*;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let database = database().connect().await?;
    let loaded = airports::load(&database).await?;
    tracing::debug!(loaded, "airports");
    Service::builder(
        ServiceInfo::new("database-service", "Database Service")
            .version(env!("CARGO_PKG_VERSION"))
            .description(
                "Users, and the airports of the United States, in tables of the example's own.",
            ),
    )
    .with_database(database)
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
