//! A server whose processes are stopped.

use std::fs;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

/// The processes of a server that are stopped (`SIGSTOP`). They go on when it is dropped.
#[derive(Debug)]
pub struct Frozen(Vec<Pid>);

impl Frozen {
    /// Stops the main process first, so that it starts no other one.
    pub(super) fn new(main: u32) -> Result<Self> {
        let pid = |number: u32| i32::try_from(number).ok().and_then(Pid::from_raw);
        let main_pid = pid(main).context("no number of a process")?;
        let mut frozen = Self(Vec::new());
        frozen.stop(main_pid)?;
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if parent_of(number) == Some(main)
                && let Some(pid) = pid(number)
            {
                frozen.stop(pid)?;
            }
        }
        Ok(frozen)
    }

    fn stop(&mut self, pid: Pid) -> Result<()> {
        kill_process(pid, Signal::STOP).context("cannot stop a process of PostgreSQL")?;
        self.0.push(pid);
        Ok(())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in self.0.drain(..).rev() {
            let _ = kill_process(pid, Signal::CONT);
        }
    }
}

/// The second field after the name, which may have anything in it (`proc_pid_stat(5)`).
fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}
