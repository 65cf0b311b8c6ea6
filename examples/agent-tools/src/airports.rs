//! Airports of the United States, for tools that find them.

use std::io::Read;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_web::FailureCodes;
use tasks_web::prelude::*;

/// The mean radius of the earth, in kilometers.
const EARTH: f64 = 6371.0;

/// An airport.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Airport {
    /// Code of three characters or more.
    pub iata: String,
    /// Its name.
    pub name: String,
    /// City that it serves.
    pub city: String,
    /// State, in two letters.
    pub state: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

/// All airports, in memory.
#[derive(Clone, Debug, Injectable)]
pub struct Airports(Arc<[Airport]>);

/// Why there is no answer.
#[derive(Debug, thiserror::Error, FailureCodes)]
pub enum AirportError {
    /// No airport has the code.
    #[error("no airport has the code `{iata}`: look for it with find_airports")]
    #[failure(code = "unknown-airport", permanent, details)]
    Unknown {
        /// The code.
        iata: String,
    },
}

/// How far two airports are from each other.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distance {
    /// Name of the first.
    pub from: String,
    /// Name of the second.
    pub to: String,
    /// The way along a great circle, in kilometers.
    pub kilometers: f64,
}

impl Airports {
    /// Reads a CSV table.
    ///
    /// # Errors
    ///
    /// When a column is missing, or a number is none.
    pub fn load(reader: impl Read) -> Result<Self, csv::Error> {
        let rows: Result<Vec<Airport>, _> = csv::Reader::from_reader(reader)
            .into_deserialize()
            .collect();
        Ok(Self(rows?.into()))
    }

    fn get(&self, iata: &str) -> Result<&Airport, AirportError> {
        let found = self
            .0
            .iter()
            .find(|airport| airport.iata.eq_ignore_ascii_case(iata));
        found.ok_or_else(|| AirportError::Unknown {
            iata: iata.to_owned(),
        })
    }
}

/// Finds airports by a part of their name, their city or their code. Use it first: other tools take the code that it gives.
#[task(tags = ["agents", "airports"], read_only, open_world = false)]
pub async fn find_airports(
    airports: Airports,
    /// Part of a name, a city or a code, in any case.
    #[task(length(min = 2, max = 60), example = "seattle")]
    query: String,
    /// State in two letters.
    #[task(pattern = "^[A-Z]{2}$")]
    state: Option<String>,
    /// How many to give at most.
    #[task(default = 10_u8, range(min = 1, max = 50))]
    limit: u8,
) -> Vec<Airport> {
    let query = query.to_lowercase();
    let fits = |airport: &&Airport| {
        let has = |text: &str| text.to_lowercase().contains(&query);
        state.as_ref().is_none_or(|state| airport.state == *state)
            && (has(&airport.name) || has(&airport.city) || has(&airport.iata))
    };
    let found = airports.0.iter().filter(fits);
    found.take(limit.into()).cloned().collect()
}

/// Gives the distance between two airports, as the crow flies.
///
/// # Errors
///
/// When no airport has one of the codes.
#[task(tags = ["agents", "airports"], read_only, open_world = false)]
pub async fn distance_between(
    airports: Airports,
    /// Code of the first.
    #[task(example = "SEA")]
    from: String,
    /// Code of the second.
    #[task(example = "JFK")]
    to: String,
) -> Result<Distance, AirportError> {
    let (from, to) = (airports.get(&from)?, airports.get(&to)?);
    let kilometers = (great_circle(from, to) * 10.0).round() / 10.0;
    Ok(Distance {
        from: from.name.clone(),
        to: to.name.clone(),
        kilometers,
    })
}

/// The haversine formula.
fn great_circle(from: &Airport, to: &Airport) -> f64 {
    let (north, east) = (
        (to.latitude - from.latitude).to_radians(),
        (to.longitude - from.longitude).to_radians(),
    );
    let (lat_from, lat_to) = (from.latitude.to_radians(), to.latitude.to_radians());
    let chord =
        (north / 2.0).sin().powi(2) + lat_from.cos() * lat_to.cos() * (east / 2.0).sin().powi(2);
    2.0 * EARTH * chord.sqrt().asin()
}
