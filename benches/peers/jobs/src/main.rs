//! The same jobs in other queues, for `cargo xtask bench jobs`: `peer-jobs <queue> <database url>` prints its row.

mod apalis_sqlite;
mod graphile;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How many jobs are drained.
pub(crate) const JOBS: usize = 10_000;
/// How many of them are submitted at once.
pub(crate) const BATCH: usize = 1_000;
/// How many jobs are submitted one after the other.
pub(crate) const SINGLE: usize = 300;

/// What was measured.
pub(crate) struct Figures {
    /// Jobs run and finished per second.
    pub(crate) drained: f64,
    /// Jobs submitted per second, many at once.
    pub(crate) submitted: f64,
    /// Jobs submitted per second, one after the other.
    pub(crate) single: f64,
    /// From before the submission to the code of the task; empty where that is not measured.
    pub(crate) starts: Vec<Duration>,
}

pub(crate) fn per_second(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| arguments.next().context(what);
    let (queue, url) = (next("which queue?")?, next("which database?")?);
    let mut figures = match queue.as_str() {
        "graphile_worker" => graphile::measure(&url, None).await?,
        "graphile_worker-local-queue" => graphile::measure(&url, Some(500)).await?,
        "apalis-sqlite" => apalis_sqlite::measure(&url).await?,
        other => bail!("no queue `{other}`"),
    };
    figures.starts.sort_unstable();
    let at = |share: f64| {
        let place = ((figures.starts.len().saturating_sub(1)) as f64 * share) as usize;
        figures
            .starts
            .get(place)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    };
    println!(
        "{} {} {} {} {}",
        figures.drained,
        figures.submitted,
        figures.single,
        at(0.5),
        at(0.99)
    );
    Ok(())
}
