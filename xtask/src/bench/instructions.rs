//! Instructions and allocations per request, counted by valgrind: the same in every run, so that a regression of three
//! per cent shows.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, thread};

use anyhow::{Context as _, Result, bail};

use super::cases::{self, Case};
use super::client::Connection;
use super::options::Options;
use super::report;
use super::server::{self, Server};
use crate::process::{find, root, target_dir};

/// What was measured when the code was last known to be good.
const RECORD: &str = "benches/instructions.tsv";

/// How much more than recorded is a regression.
const TOLERANCE: f64 = 1.03;

/// What one request costs.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    instructions: f64,
    allocations: f64,
}

/// The cost of one case on both servers.
struct Row {
    case: Case,
    service: Cost,
    limit: Cost,
}

impl Row {
    /// The service's instructions as a multiple of those written by hand.
    fn ratio(&self) -> f64 {
        self.service.instructions / self.limit.instructions
    }

    fn is_above_gate(&self) -> bool {
        let gate = self.case.gate;
        self.ratio() > gate.ratio || self.allocations() > gate.allocations
    }

    /// How many allocations more than by hand.
    fn allocations(&self) -> f64 {
        self.service.allocations - self.limit.allocations
    }
}

/// A line of the record.
struct Recorded {
    case: String,
    ratio: f64,
    allocations: f64,
}

#[derive(Clone, Copy)]
enum Tool {
    /// Counts the instructions that the process executes in user mode.
    Callgrind,
    /// Counts what is asked of the allocator.
    Memcheck,
}

/// `cargo xtask bench instructions`.
pub(super) fn run(options: &Options) -> Result<()> {
    let rows = measure(&all())?;
    let mut table = String::from(
        "| request | instructions | baseline | ratio | allocations | baseline |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let mut record = String::from("case\tratio\tallocations\n");
    for row in &rows {
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {} | {:.0} | {:.0} | {:.3} | {:.1} | {:.1} |",
            row.case.about,
            row.service.instructions,
            row.limit.instructions,
            row.ratio(),
            row.service.allocations,
            row.limit.allocations
        );
        let _ = writeln!(
            record,
            "{}\t{:.3}\t{:.1}",
            row.case.name,
            row.ratio(),
            row.allocations()
        );
    }
    if let Some(row) = rows.iter().find(|row| row.is_above_gate()) {
        report::publish("instructions", &table, "instructions", false)?;
        bail!(
            "{} is above its gate, so nothing is recorded",
            row.case.name
        );
    }
    if options.write {
        fs::write(root().join(RECORD), record).with_context(|| format!("cannot write {RECORD}"))?;
    }
    report::publish("instructions", &table, "instructions", options.write)
}

/// Compares with the record. What is above it is measured again, since a disturbance only ever adds.
pub(crate) fn check() -> Result<()> {
    const TRIES: u32 = 3;
    let text =
        fs::read_to_string(root().join(RECORD)).with_context(|| format!("cannot read {RECORD}"))?;
    let recorded = parse_record(&text).with_context(|| format!("{RECORD} cannot be read"))?;
    let mut cases = all();
    let mut worse = Vec::new();
    for attempt in 1..=TRIES {
        worse.clear();
        for row in measure(&cases)? {
            let line = recorded.iter().find(|line| line.case == row.case.name);
            let line = line.with_context(|| format!("{RECORD} has no line {}", row.case.name))?;
            println!(
                "{:<12} {:.3} times the instructions of the baseline (recorded {:.3}), {:+.1} allocations ({:+.1})",
                row.case.name,
                row.ratio(),
                line.ratio,
                row.allocations(),
                line.allocations
            );
            let regressed =
                row.ratio() > line.ratio * TOLERANCE || row.allocations() > line.allocations + 1.0;
            if regressed || row.is_above_gate() {
                worse.push(row.case);
            }
        }
        if worse.is_empty() {
            return Ok(());
        }
        if attempt < TRIES {
            println!("above the record, so measured again");
            cases = std::mem::take(&mut worse);
        }
    }
    let names: Vec<&str> = worse.iter().map(|case| case.name).collect();
    bail!(
        "more than recorded in {RECORD}: {}; if that has its reason, record it with `cargo xtask bench instructions --write`",
        names.join(", ")
    )
}

fn parse_record(text: &str) -> Option<Vec<Recorded>> {
    let lines = text.lines().skip(1);
    lines
        .map(|line| {
            let mut fields = line.split('\t');
            Some(Recorded {
                case: fields.next()?.to_owned(),
                ratio: fields.next()?.parse().ok()?,
                allocations: fields.next()?.parse().ok()?,
            })
        })
        .collect()
}

/// Those that are compared with code written by hand, and an agent's call.
fn all() -> Vec<Case> {
    let mut all = cases::all();
    all.push(cases::agents_call());
    all
}

/// Measures an agent's call and the same execution over HTTP, of one service.
fn measure_agents(call: Case) -> Result<Row> {
    let both = [call.clone(), cases::small("greet_user")];
    let costs = costs("agents", &both, &both, server::agents)?;
    let [service, limit] = costs.as_slice() else {
        bail!("two requests were to be measured");
    };
    Ok(Row {
        case: call,
        service: *service,
        limit: *limit,
    })
}

fn measure(cases: &[Case]) -> Result<Vec<Row>> {
    if find("valgrind").is_none() {
        bail!("valgrind counts the instructions, and is not installed: `apt-get install valgrind`");
    }
    server::build()?;
    let (agents, cases): (Vec<Case>, Vec<Case>) = cases
        .iter()
        .cloned()
        .partition(|case| case.name == cases::agents_call().name);
    let mut rows = match cases.is_empty() {
        true => Vec::new(),
        false => measure_servers(&cases)?,
    };
    for call in agents {
        rows.push(measure_agents(call)?);
    }
    Ok(rows)
}

/// Measures the framework's server and the one that is written by hand.
fn measure_servers(cases: &[Case]) -> Result<Vec<Row>> {
    let all = cases::all();
    let [service, limit] = thread::scope(|scope| {
        [
            scope.spawn(|| {
                costs("service", cases, &all, |prefix| {
                    server::service(prefix, server::TASKS)
                })
            }),
            scope.spawn(|| costs("limit", cases, &all, server::limit)),
        ]
        .map(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| bail!("a measuring thread panicked"))
        })
    });
    let rows = cases.iter().cloned().zip(service?).zip(limit?);
    Ok(rows
        .map(|((case, service), limit)| Row {
            case,
            service,
            limit,
        })
        .collect())
}

/// The cost of each case on one server, which has answered some of all kinds before.
fn costs(
    name: &str,
    cases: &[Case],
    all: &[Case],
    start: impl Fn(&[String]) -> Result<Server>,
) -> Result<Vec<Cost>> {
    let count = |tool| -> Result<Vec<f64>> {
        let idle = total(name, tool, &start, all, None)?;
        cases
            .iter()
            .map(|case| {
                let busy = total(name, tool, &start, all, Some(case))?;
                Ok(busy.saturating_sub(idle) as f64 / f64::from(requests(case)))
            })
            .collect()
    };
    let instructions = count(Tool::Callgrind)?;
    let allocations = count(Tool::Memcheck)?;
    Ok(instructions
        .into_iter()
        .zip(allocations)
        .map(|(instructions, allocations)| Cost {
            instructions,
            allocations,
        })
        .collect())
}

fn requests(case: &Case) -> u32 {
    (case.count / 2).max(3)
}

/// What a whole run of the server costs that answers some requests of every kind, and then many of one.
fn total(
    name: &str,
    tool: Tool,
    start: impl Fn(&[String]) -> Result<Server>,
    all: &[Case],
    case: Option<&Case>,
) -> Result<u64> {
    let log = target_dir().join(format!(
        "bench-http/{name}-{}-{}.log",
        tool.name(),
        case.map_or("idle", |case| case.name)
    ));
    let server = start(&tool.command(&log))?;
    let mut connection = Connection::open(server.address)?;
    for case in all {
        for _ in 0..3 {
            connection.ask(&case.request)?;
        }
    }
    if let Some(case) = case {
        for _ in 0..requests(case) {
            connection.ask(&case.request)?;
        }
    }
    drop(connection);
    server.stop()?;
    tool.total(&log)
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Callgrind => "callgrind",
            Self::Memcheck => "memcheck",
        }
    }

    fn command(self, log: &Path) -> Vec<String> {
        let mut command = vec![
            "valgrind".to_owned(),
            format!("--tool={}", self.name()),
            format!("--log-file={}", log.display()),
        ];
        command.extend(match self {
            Self::Callgrind => vec!["--callgrind-out-file=/dev/null".to_owned()],
            Self::Memcheck => ["--leak-check=no", "--undef-value-errors=no"]
                .map(str::to_owned)
                .to_vec(),
        });
        command
    }

    fn total(self, log: &Path) -> Result<u64> {
        let text =
            fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
        self.parse(&text)
            .with_context(|| format!("no total in {}:\n{text}", log.display()))
    }

    fn parse(self, log: &str) -> Option<u64> {
        let before = match self {
            Self::Callgrind => "Collected : ",
            Self::Memcheck => "total heap usage: ",
        };
        let (_, rest) = log.rsplit_once(before)?;
        let number = rest.split_whitespace().next()?.replace(',', "");
        number.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Tool, parse_record};

    #[test]
    fn the_record_can_be_read() {
        let lines = parse_record("case\tratio\tallocations\nsmall\t1.016\t-2.0\n").unwrap();
        assert_eq!(lines[0].case, "small");
        assert!(lines[0].ratio > 1.0 && lines[0].allocations < 0.0);
        assert!(parse_record("case\nsmall\n").is_none());
    }

    #[test]
    fn totals_are_found() {
        let log = "==1== Events    : Ir\n==1== Collected : 123456\n";
        assert_eq!(Tool::Callgrind.parse(log), Some(123_456));
        let log = "==1==   total heap usage: 1,234 allocs, 1,200 frees, 5,678 bytes allocated\n";
        assert_eq!(Tool::Memcheck.parse(log), Some(1_234));
        assert_eq!(Tool::Callgrind.parse(""), None);
    }
}
