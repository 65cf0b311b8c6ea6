//! A service of the workspace as a process of its own.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::build;
use crate::daemon::Daemon;

/// How long a service may take to start: a debug build on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The binary of a package of this workspace, built if need be.
///
/// # Errors
///
/// If it cannot be built.
pub fn program(package: &str) -> Result<std::path::PathBuf> {
    build::binary(package)
}

/// A running service, killed on drop.
#[derive(Debug)]
pub struct Server {
    daemon: Daemon,
    address: SocketAddr,
}

impl Server {
    /// Starts the binary of a package of this workspace on a free port of 127.0.0.1, building it if need be, and waits
    /// until it says where it listens.
    ///
    /// `environment` is added to the test's own.
    ///
    /// # Errors
    ///
    /// If it cannot be built, or does not print `http://127.0.0.1:<port>` to its standard output in time; with all that
    /// it has written.
    pub fn start<K, V>(package: &str, environment: impl IntoIterator<Item = (K, V)>) -> Result<Self>
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        Self::start_program(&build::binary(package)?, environment)
    }

    /// Starts a program that is there already, `env!("CARGO_BIN_EXE_…")` say, in the same way.
    ///
    /// # Errors
    ///
    /// Like those of [`start`](Self::start).
    pub fn start_program<K, V>(
        program: &Path,
        environment: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self>
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let mut command = Command::new(program);
        command
            .env("HOST", "127.0.0.1")
            .env("PORT", "0")
            .env("NO_COLOR", "1")
            .envs(environment);
        let (daemon, address) = Daemon::start(command, TIMEOUT, address)?;
        Ok(Self { daemon, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of a path, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The id of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.daemon.pid()
    }

    /// The end of what it has written so far, for the message of a failed test.
    #[must_use]
    pub fn output(&self) -> String {
        self.daemon.output().to_string()
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.daemon.output().stdout()
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.daemon.output().stderr()
    }

    /// Waits until it has written some words to standard error, `times` times in all, and gives all that it has
    /// written there. A service writes its log beside its work, so a line may come after the answer that it is about.
    ///
    /// # Errors
    ///
    /// If they do not come within 30 s; with all that it has written.
    pub fn stderr_with(&self, words: &str, times: usize) -> Result<String> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let written = self.stderr();
            if written.matches(words).count() >= times {
                return Ok(written);
            }
            ensure!(
                Instant::now() < deadline,
                "`{words}` was not written {times} times:\n{}",
                self.output()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("it has no id")?, signal).context("cannot send a signal")
    }

    /// Waits until it has ended by itself; `None` when it has not after that time.
    ///
    /// # Errors
    ///
    /// If the system cannot tell.
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<ExitStatus>> {
        self.daemon.wait(timeout)
    }

    /// The memory it occupies now, in KiB.
    ///
    /// # Errors
    ///
    /// On systems without `/proc`, and when it has ended.
    pub fn rss_kib(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most memory it has occupied so far, in KiB.
    ///
    /// # Errors
    ///
    /// On systems without `/proc`, and when it has ended.
    pub fn peak_rss_kib(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> Result<u64> {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        parse_kib(&status, name)
            .with_context(|| format!("{path} has no {name} the process has ended"))
    }
}

/// `VmRSS:     1234 kB`
fn parse_kib(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

/// The address in a start-up line, wherever it stands in it.
fn address(line: &str) -> Option<SocketAddr> {
    line.split("http://127.0.0.1:").skip(1).find_map(|rest| {
        let digits = rest
            .split(|character: char| !character.is_ascii_digit())
            .next()?;
        let port = digits.parse().ok().filter(|port| *port != 0)?;
        Some((Ipv4Addr::LOCALHOST, port).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_any_kind_of_line() {
        let port = |line| address(line).map(|address| address.port());
        assert_eq!(port("listening on http://127.0.0.1:8080"), Some(8080));
        assert_eq!(
            port(r#"{"message":"up","url":"http://127.0.0.1:8080/docs"}"#),
            Some(8080)
        );
        assert_eq!(
            port("asked for http://127.0.0.1:0, got http://127.0.0.1:41234/."),
            Some(41234)
        );
        assert_eq!(port("listening on http://127.0.0.1:0"), None);
        assert_eq!(port("http://127.0.0.1:99999"), None);
        assert_eq!(port("8 workers"), None);
    }

    #[test]
    fn memory_is_read_in_kib() {
        assert_eq!(
            parse_kib(
                "VmPeak:\t  2000 kB\nVmRSS:\t    1234 kB\nThreads:\t1\n",
                "VmRSS:"
            ),
            Some(1234)
        );
        assert_eq!(parse_kib("Name:\tzombie\n", "VmRSS:"), None);
    }
}
