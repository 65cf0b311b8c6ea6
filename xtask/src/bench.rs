//! `cargo xtask bench`.

mod cases;
mod client;
mod compile;
mod generate;
mod instructions;
mod report;
mod server;

use anyhow::{Context as _, Result, bail};

use crate::process::{cargo, run as run_command};

/// How a benchmark is run.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    tasks: u32,
    write: bool,
}

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["compile", rest @ ..] => compile::run(&options(rest)?),
        ["instructions"] => {
            for row in instructions::measure()? {
                println!(
                    "{:12} {:>10.0} {:>10.0} {:.3} | {:.1} {:.1}",
                    row.case.name,
                    row.service.instructions,
                    row.limit.instructions,
                    row.service.instructions / row.limit.instructions,
                    row.service.allocations,
                    row.limit.allocations
                );
            }
            Ok(())
        }
        ["criterion", rest @ ..] => run_command(cargo(["bench", "-p", "tasks-runtime"]).args(rest)),
        [] => bail!("which one? there are compile, criterion"),
        [other, ..] => bail!("no benchmark `{other}`; there are compile, criterion"),
    }
}

fn options(arguments: &[&str]) -> Result<Options> {
    let mut options = Options {
        tasks: 300,
        write: false,
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--write" => options.write = true,
            "--tasks" => {
                let number = arguments.next().context("--tasks needs a number")?;
                options.tasks = number
                    .parse()
                    .with_context(|| format!("--tasks {number}"))?;
                if options.tasks == 0 {
                    bail!("--tasks must be at least 1");
                }
            }
            other => bail!("no option `{other}`; there are --tasks <n>, --write"),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_in_any_order() {
        assert_eq!(
            options(&[]).expect("none is fine"),
            Options {
                tasks: 300,
                write: false
            }
        );
        assert_eq!(
            options(&["--write", "--tasks", "7"]).expect("both exist"),
            Options {
                tasks: 7,
                write: true
            }
        );
        assert!(options(&["--tasks"]).is_err());
        assert!(options(&["--tasks", "0"]).is_err());
        assert!(options(&["--tusks", "1"]).is_err());
    }
}
