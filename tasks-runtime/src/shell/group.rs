//! The processes of one command.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// Kills a process group when it is dropped.
///
/// The command leads a group of its own, which everything it starts belongs to, unless it leaves it.
#[derive(Debug)]
pub(super) struct Group(Option<Pid>);

impl Group {
    pub(super) fn of(child: &Child) -> Self {
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Self(pid)
    }

    pub(super) fn kill(&mut self) {
        if let Some(pid) = self.0.take() {
            // It may have ended by itself meanwhile.
            _ = kill_process_group(pid, Signal::KILL);
        }
    }

    /// The command has ended and nobody holds its pipes: what it left running on purpose is left alone.
    pub(super) fn disarm_if(&mut self, ended: bool) {
        if ended {
            self.0 = None;
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
