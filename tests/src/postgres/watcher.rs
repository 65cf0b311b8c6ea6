//! Ends a server that nobody is left to end: a test that is killed drops nothing, and neither does a `static`.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

/// Told of the server's folder and, maybe, of a process to wait for and a file to remove; the second line waits.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
WAIT
if pid=$(cat "$1/pid" 2>/dev/null); then
    kill -QUIT "$pid" 2>/dev/null
    tries=0
    while [ -e "$1/data/postmaster.pid" ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    if [ -e "$1/data/postmaster.pid" ]; then kill -KILL "$pid" 2>/dev/null; fi
fi
rm -rf "$1"
if [ -n "$3" ]; then rm -f "$3"; fi
"#;

/// A shell that waits; ended on drop, when there is nothing left to do for it.
#[derive(Debug)]
pub(super) struct Watcher(Child);

impl Watcher {
    /// Waits for the end of this process, by a pipe that closes with it, however that ends.
    pub(super) fn of_this_process(folder: &Path) -> Result<Self> {
        Ok(Self(spawn("read _", Stdio::piped(), &[folder.as_ref()])?))
    }

    /// Waits for the end of another process of this user, and goes on when this one ends. Removes a file as well.
    pub(super) fn of_process(folder: &Path, process: u32, file: &Path) -> Result<()> {
        let wait = "while kill -0 \"$2\" 2>/dev/null; do sleep 0.5; done";
        let process = process.to_string();
        spawn(
            wait,
            Stdio::null(),
            &[folder.as_ref(), process.as_ref(), file.as_ref()],
        )?;
        Ok(())
    }
}

fn spawn(wait: &str, stdin: Stdio, arguments: &[&OsStr]) -> Result<Child> {
    Command::new("sh")
        .args(["-c", &SCRIPT.replace("WAIT", wait), "sh"])
        .args(arguments)
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Not the test's group, which nextest kills as a whole.
        .process_group(0)
        .spawn()
        .context("cannot start a shell")
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
