//! `cargo xtask`: the one way to test, bench and check this workspace. `cargo xtask help` lists what it can do.

mod bench;
mod book;
mod check;
mod compiler;
mod dependencies;
mod licences;
mod npm;
mod package;
mod process;
mod public_api;
mod setup;
mod steps;
mod structure;
mod test;
mod ui;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  test                    everything that is checked before a change goes in, in order, stopping at the first failure
  test --list             the steps of it
  test <step>…            the named steps only
  check                   formatting, structure, lints, and the tests of what changed since the last commit: for while one works
  ui                      the front end of the dashboard, into tasks-web/ui/dist
  pictures                the pictures of the dashboard, into docs/images
  book                    the guide as a book, in target/book, with search and without a server
  bench http              CPU time per request, against a server written by hand and other frameworks
  bench instructions      instructions and allocations per request, counted by valgrind
  bench flame             where the instructions of one request go, as a picture and by layer
  bench start             time until the first answer, and memory, with up to 10,000 tasks
  bench compile           what `#[task]` costs at compile time, in ms of CPU per task
      --rounds <n>        how often each is measured (http and start: 9)
      --tasks <n>         how many tasks the generated crates have (compile: 10, 100 and 1000)
      --write             puts the table into the documentation as well
  bench jobs              background jobs per second, and how soon one starts, on both databases
  bench dashboard         what it costs to look at a busy service, and how long its views take with 100,000 jobs
  bench criterion         the benchmarks of tasks-runtime
  crash [kills] [jobs]    kills processes that run jobs, 200 times over 20,000 jobs unless told, on both databases
  soak [minutes]          keeps the released example busy, an hour unless told, and watches its memory, descriptors and threads
  help                    this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["test", rest @ ..] => test::run(rest),
        ["check"] => check::check().map(|()| ExitCode::SUCCESS),
        ["ui"] => ui::build().map(|()| ExitCode::SUCCESS),
        ["pictures"] => pictures().map(|()| ExitCode::SUCCESS),
        ["book"] => book::build().map(|()| ExitCode::SUCCESS),
        ["bench", rest @ ..] => bench::run(rest).map(|()| ExitCode::SUCCESS),
        ["crash", rest @ ..] => crash(rest).map(|()| ExitCode::SUCCESS),
        ["soak", rest @ ..] => soak(rest).map(|()| ExitCode::SUCCESS),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        [] => Err(anyhow::anyhow!("no command\n\n{HELP}")),
        [other, ..] => Err(anyhow::anyhow!("no command `{other}`\n\n{HELP}")),
    };
    result.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

/// The dashboard as a browser shows it.
fn pictures() -> anyhow::Result<()> {
    let test = ["test", "--package", "tasks-tests", "--test", "dashboard"];
    let only = ["pictures::", "--", "--ignored"];
    process::run(process::cargo(test).args(only))
}

/// A release build, and a bit of everything for a while.
fn soak(arguments: &[&str]) -> anyhow::Result<()> {
    let build = ["build", "--release", "--package", "advanced-service"];
    process::run(&mut process::cargo(build))?;
    let minutes = arguments.first().copied().unwrap_or("60");
    if minutes.parse::<u64>().is_err() {
        anyhow::bail!("`{minutes}` is not a number of minutes");
    }
    let program = process::target_dir().join("release/advanced-service");
    let harness = ["run", "--package", "tasks-tests", "--bin", "soak", "--"];
    process::run(process::cargo(harness).arg(program).arg(minutes))
}

/// The long run of the crash harness; a short one is among the tests.
fn crash(arguments: &[&str]) -> anyhow::Result<()> {
    process::run(&mut process::cargo([
        "build",
        "--package",
        "tasks-tests",
        "--bins",
    ]))?;
    let harness = ["run", "--package", "tasks-tests", "--bin", "crash", "--"];
    process::run(process::cargo(harness).args(arguments))
}
