//! Airports.

use diesel::dsl::count_star;
use diesel::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use tasks_web::database::RunQueryDsl;
use tasks_web::prelude::*;

use crate::airports::{Airport, Surroundings};
use crate::schema::airports;

/// An airport, and how far it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Nearby {
    /// The airport.
    #[serde(flatten)]
    pub airport: Airport,
    /// How far it is, in kilometres.
    pub distance_km: f64,
}

/// The airports that are nearest to a point, the nearest first.
#[task(tags = ["airports", "geo"])]
pub async fn nearest_airports(
    session: Session,
    /// Degrees north, from -90 to 90.
    #[task(example = 47.6)]
    latitude: f64,
    /// Degrees east, from -180 to 180.
    #[task(example = -122.3)]
    longitude: f64,
    /// How many, from 1 to 100.
    #[task(default = 5)]
    limit: usize,
) -> anyhow::Result<Vec<Nearby>> {
    anyhow::ensure!(
        (-90.0..=90.0).contains(&latitude),
        "the latitude is not from -90 to 90"
    );
    anyhow::ensure!(
        (-180.0..=180.0).contains(&longitude),
        "the longitude is not from -180 to 180"
    );
    anyhow::ensure!((1..=100).contains(&limit), "the limit is not from 1 to 100");
    // Half way round the earth at most.
    let mut radius = 50.0;
    loop {
        let around = Surroundings::of(latitude, longitude, radius);
        let found: Vec<Airport> = session
            .read(async |conn| {
                with_conn!(conn, |conn| {
                    let mut query = airports::table
                        .filter(airports::latitude.between(around.latitudes.0, around.latitudes.1))
                        .select(Airport::as_select())
                        .into_boxed();
                    if let Some((west, east)) = around.longitudes {
                        query = query.filter(airports::longitude.between(west, east));
                    }
                    query.load(conn).await
                })
            })
            .await?;
        let mut nearby: Vec<Nearby> = found
            .into_iter()
            .map(|airport| Nearby {
                distance_km: airport.distance_km(latitude, longitude),
                airport,
            })
            // The corners are farther than the radius, beyond which there may be nearer ones.
            .filter(|nearby| nearby.distance_km <= radius)
            .collect();
        if nearby.len() >= limit || radius > 20_100.0 {
            nearby.sort_by(|a, b| a.distance_km.total_cmp(&b.distance_km));
            nearby.truncate(limit);
            return Ok(nearby);
        }
        radius *= 2.0;
    }
}

/// How many airports a state has.
#[derive(Debug, Queryable, Serialize, JsonSchema)]
pub struct StateCount {
    /// The state; null for those whose state is not known.
    pub state: Option<String>,
    /// How many it has.
    pub airports: i64,
}

/// How many airports each state has, the most first.
#[task(tags = ["airports", "reporting"])]
pub async fn airports_by_state(
    session: Session,
    /// Leaves states with fewer out.
    #[task(default = 1)]
    at_least: i64,
) -> anyhow::Result<Vec<StateCount>> {
    Ok(session
        .read(async |conn| {
            with_conn!(conn, |conn| {
                airports::table
                    .group_by(airports::state)
                    .having(count_star().ge(at_least))
                    .order((count_star().desc(), airports::state.asc()))
                    .select((airports::state, count_star()))
                    .load(conn)
                    .await
            })
        })
        .await?)
}

/// One airport.
#[task(tags = ["airports"])]
pub async fn airport(
    session: Session,
    /// The code of three letters or digits.
    #[task(example = "SEA")]
    iata: String,
) -> anyhow::Result<Option<Airport>> {
    Ok(session
        .read(async |conn| {
            with_conn!(conn, |conn| airports::table
                .find(iata.to_uppercase())
                .select(Airport::as_select())
                .first(conn)
                .await
                .optional())
        })
        .await?)
}
