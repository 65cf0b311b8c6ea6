//! `cargo xtask bench`.

mod cases;
mod client;
mod compile;
mod dashboard;
mod flame;
mod generate;
mod http;
pub(crate) mod instructions;
mod jobs;
mod layers;
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
    match arguments {
        ["http", rest @ ..] => http::run(&Options::parse(rest, &["--write", "--rounds"])?),
        ["instructions", rest @ ..] => instructions::run(&Options::parse(rest, &["--write"])?),
        ["flame", rest @ ..] => flame::run(&Options::parse(rest, &["--write"])?),
        ["start", rest @ ..] => start::run(&Options::parse(rest, &["--write", "--rounds"])?),
        ["compile", rest @ ..] => compile::run(&Options::parse(rest, &["--write", "--tasks"])?),
        ["jobs", rest @ ..] => jobs::run(&Options::parse(rest, &["--write"])?),
        ["dashboard", rest @ ..] => dashboard::run(&Options::parse(rest, &["--write"])?),
        ["criterion", rest @ ..] => run_command(cargo(["bench", "-p", "tasks-runtime"]).args(rest)),
        other => bail!(
            "{}; there are http, instructions, flame, start, compile, jobs, dashboard, criterion",
            other.first().map_or_else(
                || "which benchmark?".to_owned(),
                |other| format!("no benchmark `{other}`")
            )
        ),
    }
}
