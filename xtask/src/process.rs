//! Programs: finding them, running them, and the CPU time they took.

use std::ffi::OsStr;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    // `cargo run` tells where the manifest is now; the other is where it was when this was compiled.
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let manifest = PathBuf::from(manifest);
    manifest
        .parent()
        .map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// Where cargo builds: `CARGO_TARGET_DIR`, or `target` in the workspace.
pub(crate) fn target_dir() -> PathBuf {
    // A relative one counts from the folder the user is in, an absolute one replaces it.
    let here = env::current_dir().unwrap_or_else(|_| root());
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| here.join(dir))
}

/// Whether cargo builds incrementally, as the environment or the profile says.
static INCREMENTAL: AtomicBool = AtomicBool::new(true);

/// From now on cargo builds without keeping what the next build could use: faster for one that builds everything, and smaller.
pub(crate) fn build_once() {
    INCREMENTAL.store(false, Ordering::Relaxed);
}

/// The cargo that runs this, in the folder of the workspace, building where it builds.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(arguments)
        .current_dir(root())
        .env("CARGO_TARGET_DIR", target_dir());
    if !INCREMENTAL.load(Ordering::Relaxed) && env::var_os("CARGO_INCREMENTAL").is_none() {
        command.env("CARGO_INCREMENTAL", "0");
    }
    // Cargo sees by itself whether it writes to a terminal, but what it runs may look at its own standard error only.
    if env::var_os("CARGO_TERM_COLOR").is_none() && !std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "never");
    }
    command
}

/// Shows a command and runs it; an exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs a command without showing it and returns what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` failed: {}\n{}",
            shown(command),
            output.status,
            stderr.trim_end()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}

/// Where a program is: in `PATH`, or where `cargo install` puts it, which cargo looks into as well.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    env::split_paths(&path)
        .chain(cargo_home.map(|home| home.join("bin")))
        .map(|folder| folder.join(name).with_extension(env::consts::EXE_EXTENSION))
        .find(|file| file.is_file())
}

/// The CPU time, user and system, of all programs run by this one that have ended, and of all they ran.
pub(crate) fn cpu_of_children() -> Result<Duration> {
    // The kernel counts in ticks of USER_HZ, which is 100 on every platform that has /proc.
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string("/proc/self/stat")
        .context("CPU time is read from /proc, which only Linux has")?;
    parse_cpu_of_children(&stat)
        .map(|ticks| TICK * ticks)
        .context("/proc/self/stat has an unknown format")
}

fn parse_cpu_of_children(stat: &str) -> Option<u32> {
    // The second field, the program's name in parentheses, may itself hold spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    // cutime and cstime are fields 16 and 17; what is left begins with field 3.
    let mut ticks = fields.split_ascii_whitespace().skip(13);
    let user: u32 = ticks.next()?.parse().ok()?;
    let system: u32 = ticks.next()?.parse().ok()?;
    Some(user + system)
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let mut text = String::new();
    for word in std::iter::once(program).chain(command.get_args()) {
        let word = word.to_string_lossy();
        if !text.is_empty() {
            text.push(' ');
        }
        if word.is_empty() || word.contains([' ', '|', '{']) {
            text.push_str(&format!("'{word}'"));
        } else {
            text.push_str(&word);
        }
    }
    text
}

/// What git says, in the folder of the workspace.
pub(crate) fn git<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<String> {
    output(Command::new("git").args(arguments).current_dir(root()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_survives_odd_program_names() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 200 0 0 11 12 13 14 20 0 1 0 5 6 7";
        assert_eq!(parse_cpu_of_children(stat), Some(13 + 14));
    }

    #[test]
    fn commands_are_shown_as_one_would_type_them() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["tree", "-f", "{p}|{l}", ""]);
        assert_eq!(shown(&command), "cargo tree -f '{p}|{l}' ''");
    }
}
