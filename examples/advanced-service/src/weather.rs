//! The weather of Seattle: NOAA, public domain.

use anyhow::Context as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const CSV: &str = include_str!("../../task-execution/data/seattle-weather.csv");

#[derive(Deserialize)]
struct Day {
    date: String,
    precipitation: f64,
    temp_max: f64,
    temp_min: f64,
}

/// What a year was like.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// How many days are known.
    pub days: usize,
    /// Millimetres of rain.
    pub precipitation: f64,
    /// The warmest day, in degrees Celsius.
    pub warmest: f64,
    /// The coldest night, in degrees Celsius.
    pub coldest: f64,
}

/// Summarizes a year.
pub fn of_year(year: i32) -> anyhow::Result<Summary> {
    let prefix = format!("{year}-");
    let mut summary = Summary {
        days: 0,
        precipitation: 0.0,
        warmest: f64::MIN,
        coldest: f64::MAX,
    };
    for day in csv::Reader::from_reader(CSV.as_bytes()).deserialize() {
        let day: Day = day.context("the data is not as it should be")?;
        if day.date.replace('/', "-").starts_with(&prefix) {
            summary.days += 1;
            summary.precipitation += day.precipitation;
            summary.warmest = summary.warmest.max(day.temp_max);
            summary.coldest = summary.coldest.min(day.temp_min);
        }
    }
    anyhow::ensure!(summary.days > 0, "there is no weather of {year}");
    summary.precipitation = (summary.precipitation * 10.0).round() / 10.0;
    Ok(summary)
}
