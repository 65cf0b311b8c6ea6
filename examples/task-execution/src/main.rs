//! Serves the tasks of the guide: `cargo run -p task-execution`.

use std::io::IsTerminal;
use std::net::SocketAddr;

use actix_web::{App, HttpServer};
use anyhow::Context as _;
use task_execution::Directories;
use tracing_subscriber::EnvFilter;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();

    let registry = task_execution::registry()?;
    let executor = task_execution::executor(registry, Directories::default())?;
    let tasks = tasks_web::scope("/api/v1/tasks", executor)
        .titled("Task Execution", env!("CARGO_PKG_VERSION"));

    let host = std::env::var("HOST").unwrap_or_else(|_| "127.0.0.1".to_owned());
    let port = match std::env::var("PORT") {
        Ok(text) => text
            .parse()
            .with_context(|| format!("PORT is `{text}`, which is not a port: use 0 to 65535"))?,
        Err(_) => 8000_u16,
    };
    let server = HttpServer::new(move || App::new().service(tasks.clone()))
        // A client that hangs up cancels what it asked for.
        .h1_allow_half_closed(false)
        .bind((host.as_str(), port))
        .with_context(|| {
            format!("cannot listen on {host}:{port}; set HOST and PORT to an address that is free")
        })?;
    announce(&server.addrs());
    server.run().await?;
    Ok(())
}

/// Says where to look.
fn announce(addresses: &[SocketAddr]) {
    for address in addresses {
        println!("Listening on http://{address} - the tasks are at http://{address}/docs");
    }
}
