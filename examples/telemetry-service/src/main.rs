//! Sends a trace of each execution to an OpenTelemetry collector: `cargo run -p telemetry-service`.
//!
//! `OTEL_EXPORTER_OTLP_ENDPOINT` says where the collector is, `http://localhost:4318` unless set.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tasks_web::prelude::*;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Brews a cup, in two steps that can be told apart in the trace.
#[task(tags = ["demo"])]
async fn brew(
    /// How many cups, from 1 to 10.
    #[task(default = 1)]
    cups: u32,
) -> anyhow::Result<String> {
    anyhow::ensure!((1..=10).contains(&cups), "the cups are not from 1 to 10");
    grind(cups).await;
    pour(cups).await;
    Ok(format!("{cups} of coffee"))
}

#[tracing::instrument]
async fn grind(cups: u32) {
    tokio::time::sleep(Duration::from_millis(5 * u64::from(cups))).await;
}

#[tracing::instrument]
async fn pour(cups: u32) {
    tokio::time::sleep(Duration::from_millis(u64::from(cups))).await;
}

/// A log for people on standard error, and spans for the collector.
fn trace() -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpJson)
        .build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(
            Resource::builder()
                .with_service_name("telemetry-service")
                .build(),
        )
        .build();
    tracing_subscriber::registry()
        .with(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("telemetry-service")))
        .try_init()?;
    Ok(provider)
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let provider = trace()?;
    let last = provider.clone();
    Service::builder(
        ServiceInfo::new("telemetry-service", "Telemetry Service")
            .version(env!("CARGO_PKG_VERSION")),
    )
    // The subscriber that is there stays; a line for each request goes to it.
    .with_logging()
    .with_health()
    .with_landing_page()
    // Spans of executions are at DEBUG unless this is said.
    .configure_executor(|executor| executor.span_level(tracing::Level::INFO))
    // What is not sent yet. It blocks, so not on a worker.
    .on_shutdown(move || {
        let provider = last.clone();
        async move { anyhow::Ok(tokio::task::spawn_blocking(move || provider.shutdown()).await??) }
    })
    .build()
    .await?
    .run()
    .await?;
    Ok(())
}
