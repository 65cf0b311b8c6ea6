//! How many files and connections the process may have open.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a service cannot do without: its threads, its database, its log, a connection.
const MIN: u64 = 64;
/// What it asks for if it may have more.
const WANTED: u64 = 65_536;

/// Raises the limit of the process as far as the system lets it: the usual one of 1,024 is for programs that serve nobody.
///
/// # Errors
///
/// If it may not have enough to serve at all.
pub(crate) fn raise_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(WANTED, |most| most.min(WANTED));
    if limit.current.is_some_and(|now| now < most) {
        let raised = Rlimit {
            current: Some(most),
            maximum: limit.maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "the limit of open files cannot be raised");
        }
    }
    match getrlimit(Resource::Nofile).current {
        Some(now) if now < MIN => Err(io::Error::other(format!(
            "the process may have {now} files and connections open, and needs {MIN} at least: raise that limit (`ulimit -n`, `LimitNOFILE` of systemd)"
        ))),
        _ => Ok(()),
    }
}

/// What is wrong when nearly all are used, where the system tells.
#[cfg(target_os = "linux")]
pub(crate) fn shortage() -> Option<String> {
    let limit = getrlimit(Resource::Nofile).current?;
    let used = match std::fs::read_dir("/proc/self/fd") {
        Ok(open) => u64::try_from(open.count()).unwrap_or(u64::MAX),
        // It takes one to look.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            limit
        }
        Err(_) => return None,
    };
    (used.saturating_mul(10) >= limit.saturating_mul(9)).then(|| {
        format!(
            "{used} of {limit} files and connections are open: without a free one, no connection is accepted. Raise that limit (`ulimit -n`, \
             `LimitNOFILE` of systemd), or find out who keeps connections open"
        )
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn shortage() -> Option<String> {
    None
}
