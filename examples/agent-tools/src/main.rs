//! Tools for agents, over HTTP: `cargo run -p agent-tools`; or over standard input and output, for a host that starts the program:
//! `agent-tools mcp`.
//!
//! SQLite in `agent-tools.db`, or what `DATABASE_URL` says. `API_KEYS` are keys that agents have to send, like
//! `claude[agents]:a-long-secret`.

use agent_tools::airports::Airports;
use agent_tools::weather::Weather;
use task_execution::weather;
use tasks_web::mcp::Mcp;
use tasks_web::prelude::*;

const AIRPORTS: &str = include_str!("../../task-execution/data/airports.csv");
const WEATHER: &str = include_str!("../../task-execution/data/seattle-weather.csv");

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let mut builder = Service::builder(
        ServiceInfo::new("agent-tools", "Agent Tools")
            .version(env!("CARGO_PKG_VERSION"))
            .description(
                "Airports of the United States, and the weather of Seattle from 2012 to 2015.",
            ),
    )
    .with_database(Database::from_env_or(
        "DATABASE_URL",
        "sqlite://agent-tools.db",
    ))
    .with_artifacts(ArtifactHierarchy::new("reports"))
    .with_jobs(Jobs::new().max_concurrency(4))
    .provide(Airports::load(AIRPORTS.as_bytes())?)
    .provide(Weather(weather::load(WEATHER.as_bytes())?.into()))
    .with_mcp_settings(Mcp::new().tags(["agents"]))
    .with_health()
    .with_logging();
    if std::env::var_os("API_KEYS").is_some() {
        builder = builder.with_auth(ApiKeys::new().from_env_var("API_KEYS"));
    }
    let service = builder.build().await?;
    match std::env::args().nth(1).as_deref() {
        Some("mcp") => service.run_mcp_stdio().await?,
        _ => service.run().await?,
    }
    Ok(())
}
