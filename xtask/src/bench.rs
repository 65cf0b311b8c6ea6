//! `cargo xtask bench`.

mod cases;
mod client;
mod compile;
mod flame;
mod generate;
mod http;
pub(crate) mod instructions;
mod options;
mod peers;
mod report;
mod server;
mod start;
mod svg;

use anyhow::{Result, bail};

use self::options::Options;
use crate::process::{cargo, run as run_command};

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let options = |rest: &[&str], known: &[&str]| Options::parse(rest, known);
    match arguments {
        ["http", rest @ ..] => http::run(&options(rest, &["--write", "--rounds"])?),
        ["instructions", rest @ ..] => instructions::run(&options(rest, &["--write"])?),
        ["flame", rest @ ..] => flame::run(&options(rest, &["--write"])?),
        ["start", rest @ ..] => start::run(&options(rest, &["--write", "--rounds"])?),
        ["compile", rest @ ..] => compile::run(&options(rest, &["--write", "--tasks"])?),
        ["criterion", rest @ ..] => run_command(cargo(["bench", "-p", "tasks-runtime"]).args(rest)),
        other => bail!(
            "{}; there are http, instructions, flame, start, compile, criterion",
            other.first().map_or_else(
                || "which benchmark?".to_owned(),
                |other| format!("no benchmark `{other}`")
            )
        ),
    }
}
