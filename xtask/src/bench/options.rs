//! What may be said of a benchmark on the command line.

use std::str::FromStr;

use anyhow::{Context as _, Result, bail};

/// How a benchmark is run.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Options {
    /// Whether the table goes into the documentation.
    pub(super) write: bool,
    /// How many tasks there are; a benchmark has numbers of its own.
    pub(super) tasks: Option<u32>,
    /// How often each is measured; a benchmark has a number of its own.
    pub(super) rounds: Option<u32>,
}

impl Options {
    /// Reads the options, of which a benchmark knows `known`.
    pub(super) fn parse(arguments: &[&str], known: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if !known.contains(argument) {
                bail!("no option `{argument}`; there are {}", known.join(", "));
            }
            match *argument {
                "--write" => options.write = true,
                "--tasks" => options.tasks = Some(number(argument, arguments.next())?),
                _ => options.rounds = Some(number(argument, arguments.next())?),
            }
        }
        Ok(options)
    }
}

fn number(option: &str, value: Option<&&str>) -> Result<u32> {
    let value = value.with_context(|| format!("{option} needs a number"))?;
    let number = u32::from_str(value).with_context(|| format!("{option} {value}"))?;
    if number == 0 {
        bail!("{option} must be at least 1");
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn options_come_in_any_order() {
        let parse = |arguments: &[&str]| Options::parse(arguments, &["--write", "--tasks"]);
        assert_eq!(parse(&[]).unwrap(), Options::default());
        let both = Options {
            write: true,
            tasks: Some(7),
            rounds: None,
        };
        assert_eq!(parse(&["--write", "--tasks", "7"]).unwrap(), both);
        assert_eq!(parse(&["--tasks", "7", "--write"]).unwrap(), both);
        for wrong in [
            &["--tasks"][..],
            &["--tasks", "0"],
            &["--tusks", "1"],
            &["--rounds", "1"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
