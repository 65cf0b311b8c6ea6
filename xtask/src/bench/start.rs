//! How long a service takes until it answers, and how much memory it has then.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::client::Connection;
use super::options::Options;
use super::server::{self, Server};
use super::{cases, report};

/// How many tasks the service has.
const SIZES: [u32; 3] = [10, 1_000, 10_000];

/// The time and the CPU time until the first answer, and the memory then.
#[derive(Clone, Copy)]
struct Measured {
    answer: Duration,
    cpu: Duration,
    memory: u64,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let rounds = options.rounds.unwrap_or(9);
    server::build()?;
    let empty = measure(rounds, || server::limit(&[]))?;
    let mut table = String::from(
        "| | until the first answer | CPU | resident memory |\n| --- | ---: | ---: | ---: |\n",
    );
    let mut row = |name: &str, measured: Measured| {
        let [answer, cpu] = [measured.answer, measured.cpu].map(|time| time.as_secs_f64() * 1000.0);
        let megabytes = measured.memory as f64 / 1e6;
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {name} | {answer:.1} ms | {cpu:.1} ms | {megabytes:.1} MB |"
        );
    };
    row("written by hand, four tasks", empty);
    for tasks in SIZES {
        let measured = measure(rounds, || server::service(&[], tasks))?;
        row(&format!("{tasks} tasks"), measured);
    }
    let _ = write!(
        table,
        "\nMedians of {rounds} starts: from starting the process to the answer of a first request, the CPU time of the \
         process until then, and its resident memory."
    );
    report::publish("start", &table, "start", options.write)
}

fn measure(rounds: u32, start: impl Fn() -> Result<Server>) -> Result<Measured> {
    let mut all = Vec::new();
    for _ in 0..rounds {
        let began = Instant::now();
        let server = start()?;
        let mut connection = Connection::open(server.address)?;
        connection.ask(&cases::small("greet_user").request)?;
        all.push(Measured {
            answer: began.elapsed(),
            cpu: server.cpu()?,
            memory: server.memory()?,
        });
    }
    let middle = all.len() / 2;
    let mut median = all[middle];
    all.sort_by_key(|measured| measured.answer);
    median.answer = all[middle].answer;
    all.sort_by_key(|measured| measured.cpu);
    median.cpu = all[middle].cpu;
    all.sort_by_key(|measured| measured.memory);
    median.memory = all[middle].memory;
    Ok(median)
}
