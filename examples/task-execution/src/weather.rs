//! Summaries of daily weather.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One day.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Day {
    /// `2012/01/31`.
    date: String,
    precipitation: f64,
    temp_max: f64,
    temp_min: f64,
    wind: f64,
    weather: String,
}

/// The weather of a year, or of one month of it.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct WeatherSummary {
    /// The year.
    pub year: i16,
    /// The month, when only one was asked for.
    pub month: Option<u8>,
    /// How many days are known.
    pub days: u64,
    /// Month by month.
    pub months: Vec<MonthSummary>,
    /// The day with the most rain and snow.
    pub wettest_day: WettestDay,
    /// The share of days with each kind of weather; together they are 1.
    pub share: BTreeMap<String, f64>,
}

/// The weather of one month.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct MonthSummary {
    /// From 1 to 12.
    pub month: u8,
    /// How many days are known.
    pub days: u64,
    /// The mean of the daily highest temperatures, in °C.
    pub mean_temp_max: f64,
    /// The mean of the daily lowest temperatures, in °C.
    pub mean_temp_min: f64,
    /// All rain and snow, in mm.
    pub total_precipitation: f64,
    /// The mean wind speed, in m/s.
    pub mean_wind: f64,
}

/// The day with the most rain and snow.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct WettestDay {
    /// `2012-01-31`.
    pub date: String,
    /// In mm.
    pub precipitation: f64,
}

/// Why there is no summary.
#[derive(Debug, thiserror::Error)]
pub enum WeatherError {
    /// The file is not a table of days.
    #[error("the weather cannot be read: {0}")]
    Csv(#[from] csv::Error),
    /// No such year.
    #[error("nothing is known of the weather in {year}; known are {known}")]
    UnknownYear {
        /// The year asked for.
        year: i16,
        /// Those that are known.
        known: String,
    },
    /// No such month.
    #[error("{0} is not a month: use 1 to 12")]
    NotAMonth(u8),
    /// No days of that month.
    #[error("nothing is known of the weather in month {month} of {year}")]
    NoDays {
        /// The year.
        year: i16,
        /// The month.
        month: u8,
    },
}

impl Day {
    fn year(&self) -> Option<i16> {
        self.date.split('/').next()?.parse().ok()
    }

    fn month(&self) -> Option<u8> {
        self.date.split('/').nth(1)?.parse().ok()
    }
}

/// Reads days from a CSV table.
///
/// # Errors
///
/// When a column is missing or a number is none.
pub fn load(reader: impl Read) -> Result<Vec<Day>, WeatherError> {
    Ok(csv::Reader::from_reader(reader)
        .into_deserialize()
        .collect::<Result<_, _>>()?)
}

/// Sums up a year, or one month of it.
///
/// # Errors
///
/// When the year or the month is not known.
pub fn summarize(
    days: &[Day],
    year: i16,
    month: Option<u8>,
) -> Result<WeatherSummary, WeatherError> {
    if let Some(month) = month.filter(|month| !(1..=12).contains(month)) {
        return Err(WeatherError::NotAMonth(month));
    }
    let known: BTreeSet<i16> = days.iter().filter_map(Day::year).collect();
    if !known.contains(&year) {
        let known = known
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        return Err(WeatherError::UnknownYear { year, known });
    }
    let chosen: Vec<&Day> = days
        .iter()
        .filter(|day| day.year() == Some(year) && (month.is_none() || day.month() == month))
        .collect();
    let wettest = chosen
        .iter()
        .max_by(|a, b| a.precipitation.total_cmp(&b.precipitation));
    let Some(wettest) = wettest else {
        return Err(WeatherError::NoDays {
            year,
            month: month.unwrap_or_default(),
        });
    };

    let mut by_month: BTreeMap<u8, Vec<&Day>> = BTreeMap::new();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for day in &chosen {
        by_month
            .entry(day.month().unwrap_or_default())
            .or_default()
            .push(day);
        *counts.entry(&day.weather).or_default() += 1;
    }
    let share = |count: u64| ratio(count, chosen.len());
    Ok(WeatherSummary {
        year,
        month,
        days: chosen.len() as u64,
        months: by_month
            .into_iter()
            .map(|(month, days)| MonthSummary::of(month, &days))
            .collect(),
        wettest_day: WettestDay {
            date: wettest.date.replace('/', "-"),
            precipitation: wettest.precipitation,
        },
        share: counts
            .into_iter()
            .map(|(kind, count)| (kind.to_owned(), share(count)))
            .collect(),
    })
}

impl MonthSummary {
    fn of(month: u8, days: &[&Day]) -> Self {
        let sum = |value: fn(&Day) -> f64| days.iter().map(|day| value(day)).sum::<f64>();
        let mean = |value| sum(value) * ratio(1, days.len());
        Self {
            month,
            days: days.len() as u64,
            mean_temp_max: mean(|day| day.temp_max),
            mean_temp_min: mean(|day| day.temp_min),
            total_precipitation: sum(|day| day.precipitation),
            mean_wind: mean(|day| day.wind),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "numbers of days")]
fn ratio(part: u64, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn days() -> Vec<Day> {
        load(
            std::fs::File::open(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/data/seattle-weather.csv"
            ))
            .unwrap(),
        )
        .unwrap()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    /// The expected values were computed by Python's `statistics` module.
    #[test]
    fn a_year() {
        let year = summarize(&days(), 2014, None).unwrap();
        assert_eq!((year.days, year.months.len()), (365, 12));
        assert_eq!(
            year.wettest_day,
            WettestDay {
                date: "2014-03-05".into(),
                precipitation: 46.7
            }
        );
        assert!(close(year.share.values().sum(), 1.0));
        assert!(close(
            year.months.iter().map(|month| month.days).sum::<u64>() as f64,
            365.0
        ));
    }

    #[test]
    fn a_month() {
        let july = summarize(&days(), 2014, Some(7)).unwrap();
        assert_eq!((july.days, july.months.len()), (31, 1));
        let month = &july.months[0];
        assert!(close(month.mean_temp_max, 26.9), "{month:?}");
        assert!(close(month.mean_temp_min, 14.425806451612903), "{month:?}");
        assert!(close(month.total_precipitation, 19.6), "{month:?}");
        assert!(close(month.mean_wind, 3.096774193548387), "{month:?}");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let error = |year, month| summarize(&days(), year, month).unwrap_err().to_string();
        assert_eq!(
            error(1999, None),
            "nothing is known of the weather in 1999; known are 2012, 2013, 2014, 2015"
        );
        assert_eq!(error(2014, Some(13)), "13 is not a month: use 1 to 12");
        assert!(load("date,precipitation\n2012/01/01,much\n".as_bytes()).is_err());
    }
}
