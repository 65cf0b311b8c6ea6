//! Reports of weather stations: what they may say is written beside the parameters and in their types.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_web::prelude::*;

/// What a sensor measured over a day.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Readings {
    /// The lowest and the highest temperature, in degrees Celsius.
    #[schemars(length(equal = 2), inner(range(min = -90, max = 60)))]
    pub temperatures: Vec<f64>,
    /// The speed of the wind, in metres a second.
    #[schemars(range(min = 0, max = 120))]
    pub wind: f64,
    /// Precipitation in millimetres, as the gauge shows it: in steps of a fifth.
    #[schemars(range(min = 0), extend("multipleOf" = 0.2))]
    pub precipitation: Option<f64>,
}

/// A report that was taken.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Accepted {
    /// The station, and the day.
    pub key: String,
    /// The mean of the two temperatures.
    pub mean_temperature: f64,
    /// How many sensors there are.
    pub sensors: usize,
}

fn example() -> BTreeMap<String, Readings> {
    let roof = Readings {
        temperatures: vec![-1.5, 4.0],
        wind: 3.5,
        precipitation: Some(0.4),
    };
    BTreeMap::from([("roof".to_owned(), roof)])
}

/// Checks the report of a weather station.
#[task(tags = ["data", "weather"])]
pub async fn check_report(
    /// The code of the station: three capital letters.
    #[task(length(equal = 3), pattern = "^[A-Z]*$", example = "SEA")]
    station: &str,
    /// The day.
    #[task(format = "date", example = "2015-12-31")]
    date: &str,
    /// What the weather was like.
    #[task(one_of("drizzle", "fog", "rain", "snow", "sun"), default = "sun")]
    weather: &str,
    /// The sensors, by name.
    #[task(length(min = 1, max = 4), example = example())]
    readings: BTreeMap<String, Readings>,
    /// The share of the day with data, in percent.
    #[task(range(exclusive_min = 0, max = 100), multiple_of = 5, default = 100)]
    coverage: u8,
    /// Who to ask.
    #[task(format = "email")]
    contact: Option<String>,
    /// What else there is to say, in a few words each.
    #[task(length(max = 5), unique, items(length(min = 1, max = 20)), default = Vec::new())]
    remarks: Vec<String>,
) -> Accepted {
    let _ = (weather, coverage, contact, remarks);
    let temperatures = readings.values().flat_map(|sensor| &sensor.temperatures);
    let (sum, count) = temperatures.fold((0.0, 0.0), |(sum, count), degrees| {
        (sum + degrees, count + 1.0)
    });
    Accepted {
        key: format!("{station}/{date}"),
        mean_temperature: sum / count,
        sensors: readings.len(),
    }
}
