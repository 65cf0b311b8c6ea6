//! The servers that are measured.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, Result, bail};

use super::cases;
use super::client::Connection;
use crate::process::{cargo, find, run, target_dir};

/// A server under valgrind takes a while.
const START: Duration = Duration::from_secs(60);

/// How many tasks the service has where their number does not matter.
pub(super) const TASKS: u32 = 10;

/// A process that serves, stopped when it is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

/// Builds the servers of the workspace. Each by itself: built together they would share features.
///
/// The hand-written one answers with the documents of the framework's, which are asked for here.
pub(super) fn build() -> Result<()> {
    for package in ["bench-limit", "bench-service"] {
        run(&mut cargo(["build", "--release", "--quiet", "-p", package]))?;
    }
    let service = service(&[], TASKS)?;
    let mut connection = Connection::open(service.address)?;
    for (case, file) in cases::all()
        .iter()
        .filter_map(|case| Some((case, document(case.name)?)))
    {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&file, connection.ask(&case.request)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Where the answer to a request is kept that is a document.
fn document(case: &str) -> Option<PathBuf> {
    matches!(case, "list" | "info").then(|| target_dir().join(format!("bench-http/{case}.json")))
}

/// The framework's server with this many tasks.
pub(super) fn service(prefix: &[String], tasks: u32) -> Result<Server> {
    let program = target_dir().join("release/bench-service");
    Server::start(prefix, &program, |port| {
        vec![port.to_string(), tasks.to_string()]
    })
}

/// The framework's server as a whole service, which agents may use.
pub(super) fn agents(prefix: &[String]) -> Result<Server> {
    let program = target_dir().join("release/bench-service");
    Server::start(prefix, &program, |port| {
        vec![port.to_string(), TASKS.to_string(), "agents".to_owned()]
    })
}

/// The hand-written server.
pub(super) fn limit(prefix: &[String]) -> Result<Server> {
    let program = target_dir().join("release/bench-limit");
    Server::start(prefix, &program, |port| {
        let documents = ["list", "info"].into_iter().filter_map(document);
        [port.to_string()]
            .into_iter()
            .chain(documents.map(|file| file.display().to_string()))
            .collect()
    })
}

/// What to put before a command so that it runs on one core, where the system can do that.
pub(super) fn pinned_to(core: usize) -> Vec<String> {
    if find("taskset").is_none() || thread::available_parallelism().is_ok_and(|n| n.get() <= core) {
        return Vec::new();
    }
    ["taskset", "-c", &core.to_string()]
        .map(str::to_owned)
        .to_vec()
}

impl Server {
    /// Starts a program, possibly under another, and waits until it answers.
    pub(super) fn start(
        prefix: &[String],
        program: &Path,
        arguments: impl Fn(u16) -> Vec<String>,
    ) -> Result<Self> {
        let address = free_address()?;
        let mut command = match prefix {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        let child = command
            .args(arguments(address.port()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self { child, address };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let began = Instant::now();
        while Connection::open(self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at once: {status}");
            }
            if began.elapsed() > START {
                bail!("the server does not answer");
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// The CPU time of all its threads.
    pub(super) fn cpu(&self) -> Result<Duration> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let mut nanoseconds = 0;
        for entry in fs::read_dir(&tasks).context("CPU time is read from /proc: Linux only")? {
            let Ok(text) = fs::read_to_string(entry?.path().join("schedstat")) else {
                continue;
            };
            nanoseconds += text
                .split_whitespace()
                .next()
                .and_then(|first| first.parse::<u64>().ok())
                .context("schedstat has an unknown format")?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The memory it has in use, in bytes.
    pub(super) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kilobytes: u64 = kilobytes.context("no VmRSS")?.trim().parse()?;
        Ok(kilobytes * 1024)
    }

    /// Lets it end by itself, so that what watches it can write its report.
    pub(super) fn stop(mut self) -> Result<()> {
        run_quietly(Command::new("kill").arg(self.child.id().to_string()))?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run_quietly(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(())
}

/// An address nobody listens on. Each is given out once, and is below those that the system gives out by itself.
fn free_address() -> Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if port > 32_000 {
            bail!("no port is free between 20000 and 32000");
        }
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(([127, 0, 0, 1], port).into());
        }
    }
}
