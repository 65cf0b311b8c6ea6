//! Files of the data directory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_web::prelude::*;

use crate::data_dir::DataDir;
use crate::table::{self, TableSummary};
use crate::weather::{self, WeatherSummary};

/// Describes a CSV file: rows, columns, and statistics of every numeric column.
#[task(tags = ["data", "processing"])]
pub fn process_csv(
    data: DataDir,
    /// The file, relative to the data directory.
    #[task(example = "seattle-weather.csv")]
    filepath: &str,
) -> Result<TableSummary, TaskError> {
    Ok(table::describe(data.open(filepath)?)?)
}

/// The weather of Seattle in one year, or in one month of it: means by month, the wettest day, the share of each kind of
/// weather. From 2012 to 2015.
#[task(tags = ["data", "weather"])]
pub fn weather_summary(
    data: &DataDir,
    /// The year.
    #[task(example = 2014)]
    year: i16,
    /// The month, from 1 to 12; all of them without it.
    #[task(example = Some(7))]
    month: Option<u8>,
) -> Result<WeatherSummary, TaskError> {
    let days = weather::load(data.open("seattle-weather.csv")?)?;
    Ok(weather::summarize(&days, year, month)?)
}

/// What a directory holds.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Listing {
    /// The directory, as it was asked for.
    pub directory: String,
    /// What `ls` printed.
    pub output: String,
    /// Whether it could.
    pub success: bool,
}

/// Lists the files of a directory.
#[task(tags = ["filesystem"])]
pub async fn list_files(
    /// The directory, relative to where the server runs.
    #[task(default = ".")]
    directory: String,
) -> anyhow::Result<Listing> {
    let result = run_shell("ls -la")
        .cwd(&directory)
        .timeout(std::time::Duration::from_secs(5))
        .await?;
    Ok(Listing {
        success: result.success(),
        output: result.stdout,
        directory,
    })
}
