//! A graph whose size is known only when it runs: one job for each airport of a state.
//!
//! The airports are those of the US Bureau of Transportation Statistics, public domain.

use anyhow::Context as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_web::jobs::{GraphNode, each, from};
use tasks_web::prelude::*;

const CSV: &str = include_str!("../../task-execution/data/airports.csv");

/// The radius of the earth, in kilometres.
const EARTH: f64 = 6371.0;

/// An airport.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Station {
    /// The code of three letters or digits.
    pub iata: String,
    /// What it is called.
    pub name: String,
    /// In which state.
    pub state: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Station {
    /// How far it is from another one, along the surface, in kilometres.
    fn distance_km(&self, other: &Self) -> f64 {
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let north = ((to - from) / 2.0).sin();
        let east = ((other.longitude - self.longitude).to_radians() / 2.0).sin();
        let chord = north.powi(2) + from.cos() * to.cos() * east.powi(2);
        2.0 * EARTH * chord.sqrt().min(1.0).asin()
    }
}

fn all() -> anyhow::Result<Vec<Station>> {
    csv::Reader::from_reader(CSV.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .context("the data is not as it should be")
}

/// A survey that runs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Survey {
    /// The path of the graph: how far it is, and the job of each step.
    pub graph: String,
}

/// Finds out how far each airport of a state is from the nearest other one, each in a job of its own, and which is the loneliest.
#[task(tags = ["pipeline", "orchestration"])]
pub async fn survey_stations(
    scheduler: Scheduler,
    /// The state, by its two letters.
    #[task(example = "RI", pattern = "^[A-Z]{2}$")]
    state: String,
) -> anyhow::Result<Survey> {
    let measure = call!(nearest_station, station = each(""));
    let graph = scheduler
        .graph()
        .description(format!("Survey of the airports of {state}"))
        .node(GraphNode::new(
            "stations",
            call!(stations_of, state = state),
        ))
        .node(GraphNode::new("measure", measure).for_each_of(from("stations", "")))
        .node(GraphNode::new(
            "loneliest",
            call!(loneliest_station, measured = from("measure", "")),
        ))
        .await?;
    Ok(Survey {
        graph: format!("/api/v1/graphs/{}", graph.id),
    })
}

/// The first step: the airports of a state.
#[task(tags = ["pipeline"])]
pub async fn stations_of(
    /// The state, by its two letters.
    #[task(example = "RI")]
    state: String,
) -> anyhow::Result<Vec<Station>> {
    let mut stations = all()?;
    stations.retain(|station| station.state == state);
    anyhow::ensure!(!stations.is_empty(), "there is no airport in `{state}`");
    Ok(stations)
}

/// How far an airport is from the nearest other one.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Measured {
    /// The airport.
    pub iata: String,
    /// The nearest other one.
    pub nearest: String,
    /// How far that is, in kilometres.
    pub distance_km: f64,
}

/// One step: the airport that is nearest to another one, of all states. Four at once, in all processes together.
#[task(tags = ["pipeline"], global_concurrency = 4, retries = 2)]
pub fn nearest_station(
    /// The airport.
    station: Station,
) -> anyhow::Result<Measured> {
    let others = all()?;
    let nearest = others
        .iter()
        .filter(|other| other.iata != station.iata)
        .map(|other| (other, station.distance_km(other)))
        .min_by(|one, other| one.1.total_cmp(&other.1))
        .context("there is no other airport")?;
    Ok(Measured {
        iata: station.iata,
        nearest: nearest.0.iata.clone(),
        distance_km: (nearest.1 * 10.0).round() / 10.0,
    })
}

/// The last step: the airport that is farthest from any other one.
#[task(tags = ["pipeline"])]
pub async fn loneliest_station(
    /// What was measured.
    measured: Vec<Measured>,
) -> Option<Measured> {
    measured
        .into_iter()
        .max_by(|one, other| one.distance_km.total_cmp(&other.distance_km))
}
