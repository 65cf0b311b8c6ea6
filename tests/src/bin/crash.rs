//! The long run of crashes of workers: `cargo xtask crash`.

use std::env;

use anyhow::{Context as _, Result};
use tasks_tests::databases::TestDatabase;
use tasks_tests::postgres::{Pgbouncer, Postgres};
use tasks_tests::worker_crashes::{Plan, run};

#[tokio::main]
async fn main() -> Result<()> {
    let number = |place: usize, without: u64| {
        let text = env::args().nth(place);
        text.and_then(|text| text.parse().ok()).unwrap_or(without)
    };
    let (kills, jobs) = (number(1, 200), number(2, 20_000));
    let program = env::current_exe()?
        .parent()
        .context("a program is in a folder")?
        .join("crashing-worker");

    let test = TestDatabase::sqlite();
    let plan = Plan {
        jobs,
        kills,
        processes: 2,
        pauses: 0.05,
        terminations: 0.3,
        database_kills: 0,
        cuts: 0,
    };
    println!(
        "SQLite, two processes: {}",
        run(&program, test.url(), None, &plan).await?
    );

    let mut server = Postgres::start()?;
    let own = server.database()?;
    let url = own.url();
    let plan = Plan {
        jobs,
        kills,
        processes: 3,
        pauses: 0.15,
        terminations: 0.3,
        database_kills: 5,
        cuts: 100,
    };
    let report = run(&program, &url, Some(&mut server), &plan).await?;
    println!("PostgreSQL, three processes: {report}");

    let own = server.database()?;
    let pooler = Pgbouncer::before(&own)?;
    let plan = Plan {
        pauses: 0.05,
        database_kills: 0,
        cuts: 0,
        ..plan
    };
    let report = run(&program, &pooler.url(&own), None, &plan).await?;
    println!("PostgreSQL behind PgBouncer, three processes: {report}");
    Ok(())
}
