//! CPU time per request, against the same routes written by hand and in other frameworks.
//!
//! All servers run side by side, idle but for the one that is asked. Each round asks every server in turn, so that a change
//! in the machine's mood meets all of them; what counts is the median of the rounds' ratios.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::cases::{self, Case};
use super::client::{Connection, load};
use super::options::Options;
use super::server::{self, Server, pinned_to};
use super::{peers, report};
use crate::process::output;

/// How many connections ask at the same time.
const CONNECTIONS: usize = 32;

/// How many small requests a measurement has; of larger ones fewer.
const REQUESTS: u32 = 20_000;

/// A server with its open connections.
struct Subject {
    name: String,
    server: Server,
    connections: Vec<Connection>,
    /// Which requests it answers, when not all.
    cases: Option<&'static [&'static str]>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let rounds = options.rounds.unwrap_or(9);
    server::build()?;
    peers::build()?;
    // The servers have the first core for themselves, this client the second.
    let first = pinned_to(0);
    pin_this_process(1);
    let subject =
        |name: &str, server: Server, cases: Option<&'static [&'static str]>| -> Result<Subject> {
            let connections = (0..CONNECTIONS)
                .map(|_| Connection::open(server.address))
                .collect::<Result<_>>()?;
            Ok(Subject {
                name: name.to_owned(),
                server,
                connections,
                cases,
            })
        };
    let mut subjects = vec![
        subject("by hand", server::limit(&first)?, None)?,
        // How far apart two of the same are.
        subject("by hand again", server::limit(&first)?, None)?,
        subject("`#[task]`", server::service(&first, server::TASKS)?, None)?,
    ];
    for name in peers::ALL {
        subjects.push(subject(
            name,
            peers::start(&first, name)?,
            Some(&peers::CASES),
        )?);
    }
    for tasks in [1_000, 10_000] {
        subjects.push(subject(
            &format!("{tasks} tasks"),
            server::service(&first, tasks)?,
            Some(&["small"]),
        )?);
    }

    let mut table = String::from("| request | µs by hand |");
    for subject in &subjects[1..] {
        let _ = write!(table, " {} |", subject.name);
    }
    table.push_str("\n| --- | ---: |");
    table.push_str(&" ---: |".repeat(subjects.len() - 1));
    table.push('\n');
    for case in cases::all() {
        println!("{}", case.about);
        let row = row(&mut subjects, &case, rounds)?;
        table.push_str(&row);
        table.push('\n');
    }
    let _ = write!(
        table,
        "\nFirst column: CPU time per request of the server written by hand, in µs. Other columns: that time divided by the time of the named server, so above 1 is cheaper than by hand. In brackets: the first and the third quartile of the rounds. {rounds} rounds, \
         {CONNECTIONS} connections, one worker{}.",
        if first.is_empty() {
            ""
        } else {
            ", pinned to a core"
        }
    );
    report::publish("http", &table, "http", options.write)
}

fn row(subjects: &mut [Subject], case: &Case, rounds: u32) -> Result<String> {
    let count = (REQUESTS * case.count / 1000).max(50);
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); subjects.len()];
    for round in 0..=rounds {
        for (subject, times) in subjects.iter_mut().zip(&mut times) {
            if subject
                .cases
                .is_some_and(|cases| !cases.contains(&case.name))
            {
                continue;
            }
            let before = subject.server.cpu()?;
            load(&mut subject.connections, &case.request, count)
                .with_context(|| format!("{}: {}", subject.name, case.about))?;
            let took = subject.server.cpu()? - before;
            // The first round warms up.
            if round > 0 {
                times.push(took.as_secs_f64() * 1e6 / f64::from(count));
            }
        }
    }
    let by_hand = &times[0];
    let mut row = format!("| {} | {:.2} |", case.about, quartiles(by_hand)[1]);
    for times in &times[1..] {
        if times.is_empty() {
            row.push_str(" |");
            continue;
        }
        let ratios: Vec<f64> = by_hand
            .iter()
            .zip(times)
            .map(|(hand, own)| hand / own)
            .collect();
        let [low, middle, high] = quartiles(&ratios);
        let _ = write!(row, " {middle:.2} [{low:.2}, {high:.2}] |");
    }
    Ok(row)
}

/// The quarter, the middle and the three quarters of some values.
fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[(sorted.len() - 1) * quarter / 4])
}

/// Keeps the client off the servers' core. It is as well measured without.
fn pin_this_process(core: usize) {
    if pinned_to(core).is_empty() {
        return;
    }
    let process = std::process::id().to_string();
    if let Err(error) = output(Command::new("taskset").args(["-cp", &core.to_string(), &process])) {
        println!("not pinned: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::quartiles;

    #[test]
    fn quartiles_are_of_the_sorted_values() {
        assert_eq!(quartiles(&[5.0, 1.0, 3.0, 2.0, 4.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(&[7.0]), [7.0; 3]);
    }
}
