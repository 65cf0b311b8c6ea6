//! The weather of Seattle: a tool that answers at once, and one that takes its time.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use task_execution::weather::{Day, WeatherError, WeatherSummary, summarize};
use tasks_web::artifacts::ArtifactId;
use tasks_web::mcp::PromptMessage;
use tasks_web::prelude::*;

/// Days that are known, in memory.
#[derive(Clone, Debug, Injectable)]
pub struct Weather(pub Arc<[Day]>);

/// A report that was saved.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SavedReport {
    /// The artifact that has the report: the resource `artifact://{artifact_id}`.
    pub artifact_id: ArtifactId,
    /// Years in the report.
    pub years: Vec<i16>,
}

/// Sums up the weather of Seattle in a year, or in one month of it: temperatures in °C, precipitation in mm. Known are 2012 to 2015.
///
/// # Errors
///
/// When nothing is known of the year or the month.
#[task(tags = ["agents", "weather"], read_only, open_world = false)]
pub async fn seattle_weather(
    weather: Weather,
    /// The year.
    #[task(range(min = 2012, max = 2015), example = 2012)]
    year: i16,
    /// The month, from 1 to 12; the whole year without it.
    #[task(range(min = 1, max = 12))]
    month: Option<u8>,
) -> Result<WeatherSummary, WeatherError> {
    summarize(&weather.0, year, month)
}

/// Compares years of Seattle's weather in a report, which is saved as an artifact. Takes a few seconds for each year.
///
/// # Errors
///
/// When the report cannot be saved.
#[task(
    tags = ["agents", "weather"],
    title = "Write a weather report",
    mcp = "job",
    destructive = false,
    open_world = false
)]
pub async fn weather_report(
    context: TaskContext,
    weather: Weather,
    artifacts: ArtifactManager,
    /// The years.
    #[task(length(min = 1, max = 4), unique, items(range(min = 2012, max = 2015)), example = vec![2012, 2013])]
    years: Vec<i16>,
) -> anyhow::Result<SavedReport> {
    let mut report = String::from("# The weather of Seattle\n");
    for (done, year) in (0..).zip(&years) {
        context.progress(done, years.len() as u64, format!("summing up {year}"));
        // What stands here for work that takes its time.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let summary = summarize(&weather.0, *year, None)?;
        context.log(format!("{year}: {} days", summary.days));
        report.push_str(&format!(
            "\n## {year}\n\nThe wettest day was {}, with {} mm.\n",
            summary.wettest_day.date, summary.wettest_day.precipitation
        ));
    }
    let artifact = NewArtifact::bytes(report, "text/markdown").file_name("weather.md");
    let artifact_id = artifacts.save(artifact).await?.id;
    Ok(SavedReport { artifact_id, years })
}

/// Plans a visit of Seattle, with the tools of this service.
#[task(tags = ["agents"], prompt)]
pub async fn plan_visit(
    /// The month of the visit, from 1 to 12.
    #[task(range(min = 1, max = 12))]
    month: u8,
    /// Code of the airport that the trip begins at.
    from: Option<String>,
) -> Vec<PromptMessage> {
    let from = from.map_or_else(String::new, |from| {
        format!(" Say how far it is from the airport {from} to SEA.")
    });
    vec![PromptMessage::user(format!(
        "I want to visit Seattle in month {month}. Compare that month's weather of 2012 to 2015 with `seattle_weather`, and say what to pack.{from}"
    ))]
}
