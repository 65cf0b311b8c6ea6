//! Instructions and allocations per request, counted by valgrind: the same in every run, so that a regression of three
//! per cent shows.

use std::path::{Path, PathBuf};
use std::{fs, thread};

use anyhow::{Context as _, Result, bail};

use super::cases::{self, Case};
use super::client::Connection;
use super::server::{self, Server};
use crate::process::{find, target_dir};

/// What one request costs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) instructions: f64,
    pub(super) allocations: f64,
}

/// The cost of one case on both servers.
pub(super) struct Row {
    pub(super) case: Case,
    pub(super) service: Cost,
    pub(super) limit: Cost,
}

#[derive(Clone, Copy)]
enum Tool {
    /// Counts the instructions that the process executes in user mode.
    Callgrind,
    /// Counts what is asked of the allocator.
    Memcheck,
}

pub(super) fn measure() -> Result<Vec<Row>> {
    if find("valgrind").is_none() {
        bail!("valgrind counts the instructions, and is not installed: `apt-get install valgrind`");
    }
    server::build()?;
    // Makes the files that the hand-written server is started with.
    server::limit(&[])?.stop()?;
    let [service, limit] = thread::scope(|scope| {
        [
            scope.spawn(|| costs("service", |prefix| server::service(prefix, server::TASKS))),
            scope.spawn(|| costs("limit", server::limit)),
        ]
        .map(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| bail!("a measuring thread panicked"))
        })
    });
    let rows = cases::all().into_iter().zip(service?).zip(limit?);
    Ok(rows
        .map(|((case, service), limit)| Row {
            case,
            service,
            limit,
        })
        .collect())
}

/// The cost of each case on one server.
fn costs(name: &str, start: impl Fn(&[String]) -> Result<Server>) -> Result<Vec<Cost>> {
    let count = |tool| -> Result<Vec<f64>> {
        let idle = total(name, tool, &start, None)?;
        cases::all()
            .iter()
            .map(|case| {
                let busy = total(name, tool, &start, Some(case))?;
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
    case: Option<&Case>,
) -> Result<u64> {
    let log = target_dir().join(format!(
        "bench-http/{name}-{}-{}.log",
        tool.name(),
        case.map_or("idle", |case| case.name)
    ));
    let server = start(&tool.command(&log))?;
    let mut connection = Connection::open(server.address)?;
    for case in cases::all() {
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

    fn total(self, log: &PathBuf) -> Result<u64> {
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
    use super::Tool;

    #[test]
    fn totals_are_found() {
        let log = "==1== Events    : Ir\n==1== Collected : 123456\n";
        assert_eq!(Tool::Callgrind.parse(log), Some(123_456));
        let log = "==1==   total heap usage: 1,234 allocs, 1,200 frees, 5,678 bytes allocated\n";
        assert_eq!(Tool::Memcheck.parse(log), Some(1_234));
        assert_eq!(Tool::Callgrind.parse(""), None);
    }
}
