//! The airports: their table, and how far they are.

use diesel::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_web::database::RunQueryDsl;
use tasks_web::prelude::*;

use crate::schema::airports;

/// 3,376 airports: US Bureau of Transportation Statistics, public domain.
const CSV: &str = include_str!("../../task-execution/data/airports.csv");

/// The radius of the earth, in kilometres.
const EARTH: f64 = 6371.0;

/// An airport.
#[derive(
    Clone, Debug, Deserialize, Insertable, JsonSchema, PartialEq, Queryable, Selectable, Serialize,
)]
pub struct Airport {
    /// The code of three letters or digits.
    pub iata: String,
    /// What it is called.
    pub name: String,
    /// Where it is.
    #[serde(deserialize_with = "known")]
    pub city: Option<String>,
    /// In which state.
    #[serde(deserialize_with = "known")]
    pub state: Option<String>,
    /// In which country.
    pub country: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

/// The file has `NA` where nothing is known.
fn known<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(Some(text).filter(|text| !matches!(text.as_str(), "" | "NA")))
}

impl Airport {
    /// How far it is from a point, along the surface, in kilometres.
    #[must_use]
    pub fn distance_km(&self, latitude: f64, longitude: f64) -> f64 {
        let (from, to) = (latitude.to_radians(), self.latitude.to_radians());
        let north = ((to - from) / 2.0).sin();
        let east = ((self.longitude - longitude).to_radians() / 2.0).sin();
        let chord = north.powi(2) + from.cos() * to.cos() * east.powi(2);
        2.0 * EARTH * chord.sqrt().min(1.0).asin()
    }
}

/// Fills the table, unless it is filled already; gives the number of airports.
///
/// # Errors
///
/// When the database fails.
pub async fn load(database: &Database) -> anyhow::Result<i64> {
    let airports: Vec<Airport> = csv::Reader::from_reader(CSV.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()?;
    database
        .session()
        .transaction(async |tx| {
            with_conn!(tx, |conn| {
                let there: i64 = airports::table.count().get_result(conn).await?;
                if there > 0 {
                    return Ok(there);
                }
                // One by one: how diesel inserts several at once differs from one database to the other.
                for airport in &airports {
                    diesel::insert_into(airports::table)
                        .values(airport)
                        .execute(conn)
                        .await?;
                }
                Ok::<_, anyhow::Error>(airports.len() as i64)
            })
        })
        .await
}

/// A rectangle on the map in which everything within a distance of a point is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Surroundings {
    pub(crate) latitudes: (f64, f64),
    /// `None` is all around: near a pole, and across the line where longitudes begin again.
    pub(crate) longitudes: Option<(f64, f64)>,
}

impl Surroundings {
    pub(crate) fn of(latitude: f64, longitude: f64, km: f64) -> Self {
        let angle = km / EARTH;
        let degrees = angle.to_degrees();
        let latitudes = (latitude - degrees, latitude + degrees);
        let widest = (angle.sin() / latitude.to_radians().cos())
            .asin()
            .to_degrees();
        let longitudes = (longitude - widest, longitude + widest);
        let all_around = latitudes.0 <= -90.0
            || latitudes.1 >= 90.0
            || !widest.is_finite()
            || longitudes.0 < -180.0
            || longitudes.1 > 180.0;
        Self {
            latitudes,
            longitudes: (!all_around).then_some(longitudes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_whole() {
        let airports: Vec<Airport> = csv::Reader::from_reader(CSV.as_bytes())
            .deserialize()
            .collect::<Result<_, _>>()
            .expect("it is well-formed");
        assert_eq!(airports.len(), 3376);
    }

    #[test]
    fn distances_are_those_of_the_earth() {
        let seattle = Airport {
            iata: "SEA".into(),
            name: String::new(),
            city: None,
            state: None,
            country: "USA".into(),
            latitude: 47.448_982,
            longitude: -122.309_313,
        };
        // To Boston Logan.
        let distance = seattle.distance_km(42.364_347, -71.005_181);
        assert!((distance - 4007.0).abs() < 20.0, "{distance}");
        assert!(seattle.distance_km(seattle.latitude, seattle.longitude) < 1e-6);
    }

    #[test]
    fn near_the_edges_of_the_map_it_is_all_around() {
        assert!(Surroundings::of(47.0, -122.0, 100.0).longitudes.is_some());
        assert!(Surroundings::of(89.9, 0.0, 100.0).longitudes.is_none());
        assert!(Surroundings::of(52.0, 179.9, 100.0).longitudes.is_none());
    }
}
