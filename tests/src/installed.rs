//! Programs that `cargo xtask test setup` installs below the target directory.

use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;
use tokio::time::timeout;

/// What a program wrote until it ended, however it ended.
pub(crate) async fn output(command: &mut Command, limit: Duration) -> Result<Output> {
    let program = command.as_std().get_program().to_owned();
    let program = program.display();
    let output = timeout(
        limit,
        command.stdin(Stdio::null()).kill_on_drop(true).output(),
    )
    .await
    .with_context(|| format!("{program} had not finished after {limit:?}"))?;
    match output {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("{program} is not there: `cargo xtask test setup` installs it")
        }
        output => output.with_context(|| format!("cannot run {program}")),
    }
}
