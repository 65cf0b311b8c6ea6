//! The files of a server, and the server as a process.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use ulid::Ulid;

use super::programs::{self, User};

/// How long the server may take to start or to stop on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// How much of a log is shown: its end.
const SHOWN: usize = 16 * 1024;

/// What differs from a server as it is installed. Shared memory in files, so that a killed server leaves none behind.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
dynamic_shared_memory_type = mmap
";

/// The folder of a server: its data, its log, and the number of its process while it runs.
pub(super) struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    user: Option<User>,
}

impl Cluster {
    /// Creates the files in an empty folder, for a superuser `postgres` with this password.
    pub(super) fn create(folder: &Path, password: &str) -> Result<Self> {
        let cluster = Self {
            folder: folder.to_owned(),
            programs: programs::folder()?,
            user: User::instead_of_root()?,
        };
        cluster.give(folder)?;
        let file = folder.join("password");
        let mut options = File::options();
        let mut writer = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)?;
        writer.write_all(password.as_bytes())?;
        drop(writer);
        cluster.give(&file)?;

        let output = cluster
            .command("initdb")
            .args(["--username=postgres", "--auth=scram-sha-256"])
            .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
            .arg("--pwfile")
            .arg(&file)
            .arg("--pgdata")
            .arg(cluster.data())
            .output()
            .context("cannot run initdb")?;
        if !output.status.success() {
            bail!(
                "initdb failed: {}\n{}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        fs::remove_file(file)?;
        let mut settings = File::options()
            .append(true)
            .open(cluster.data().join("postgresql.conf"))?;
        settings.write_all(SETTINGS.as_bytes())?;
        Ok(cluster)
    }

    /// A copy of the files, while the server does not run, in another folder: its server goes on by itself, on a timeline of its own, as a
    /// standby that was promoted does.
    pub(super) fn promoted_copy(&self, folder: &Path) -> Result<Self> {
        let copy = Self {
            folder: folder.to_owned(),
            programs: self.programs.clone(),
            user: self.user,
        };
        copy.give(folder)?;
        let status = Command::new("cp")
            .arg("-a")
            .arg(self.data())
            .arg(copy.data())
            .status()
            .context("cannot run cp")?;
        if !status.success() {
            bail!("cp failed: {status}");
        }
        let signal = copy.data().join("recovery.signal");
        fs::write(&signal, "")?;
        copy.give(&signal)?;
        let mut settings = File::options()
            .append(true)
            .open(copy.data().join("postgresql.conf"))?;
        settings.write_all(b"restore_command = 'false'\n")?;
        Ok(copy)
    }

    /// Lets the server speak TLS from its next start on.
    pub(super) fn encrypt(&self, certificate: &str, key: &str) -> Result<()> {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = self.data().join(name);
            let mut options = File::options();
            let mut writer = options
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&file)?;
            writer.write_all(text.as_bytes())?;
            self.give(&file)?;
        }
        let mut settings = File::options()
            .append(true)
            .open(self.data().join("postgresql.conf"))?;
        settings.write_all(b"ssl = on\n")?;
        Ok(())
    }

    pub(super) fn start_on_a_free_port(&self) -> Result<(Child, u16)> {
        let mut tries = 0;
        loop {
            tries += 1;
            let port = free_port()?;
            match self.start(port) {
                Ok(process) => return Ok((process, port)),
                // Somebody else was faster.
                Err(error) if tries < 5 && error.to_string().contains("Address already in use") => {
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts the server and waits until it takes connections.
    pub(super) fn start(&self, port: u16) -> Result<Child> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let before = self.read_log().len();
            let mut process = self.spawn(port)?;
            let ended = self.wait_until_ready(&mut process, deadline)?;
            let Some(status) = ended else {
                return Ok(process);
            };
            self.ended();
            let log = self.read_log().split_off(before);
            // The connections of a server that was killed have a moment to notice.
            if !log.contains("pre-existing shared memory block") || Instant::now() > deadline {
                bail!(
                    "PostgreSQL ended before it was ready: {status}\n{}",
                    end(&log)
                );
            }
            thread::sleep(PAUSE);
        }
    }

    fn spawn(&self, port: u16) -> Result<Child> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())?;
        let process = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .arg("-p")
            .arg(port.to_string())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A process group of its own: it may outlive the test that has started it.
            .process_group(0)
            .spawn()
            .context("cannot start PostgreSQL")?;
        fs::write(self.pid_file(), process.id().to_string())?;
        Ok(process)
    }

    /// `None` when it is ready; how it ended when it did.
    fn wait_until_ready(
        &self,
        process: &mut Child,
        deadline: Instant,
    ) -> Result<Option<ExitStatus>> {
        while Instant::now() < deadline {
            if let Some(status) = process.try_wait()? {
                return Ok(Some(status));
            }
            // The server itself says so in the eighth line, of which `pg_ctl` makes its living.
            let state = fs::read_to_string(self.postmaster_file()).unwrap_or_default();
            let mut lines = state.lines();
            let own = lines
                .next()
                .is_some_and(|pid| pid == process.id().to_string());
            if own && lines.nth(6).is_some_and(|status| status.trim() == "ready") {
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
        let _ = process.kill();
        let _ = process.wait();
        self.ended();
        bail!(
            "PostgreSQL was not ready within {TIMEOUT:?}\n{}",
            self.log()
        );
    }

    /// Sends a signal that ends the server and waits for that.
    pub(super) fn stop(&self, mut process: Child, signal: Signal) -> Result<()> {
        // As long as nobody has waited for the process, nothing else has its number.
        let told = kill_process(Pid::from_child(&process), signal);
        let deadline = Instant::now() + TIMEOUT;
        while told.is_ok() && process.try_wait()?.is_none() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        let in_time = process.try_wait()?.is_some();
        if !in_time {
            process.kill()?;
            process.wait()?;
        }
        self.ended();
        told.context("cannot stop PostgreSQL")?;
        if !in_time {
            bail!(
                "PostgreSQL had not stopped after {TIMEOUT:?} and was killed\n{}",
                self.log()
            );
        }
        Ok(())
    }

    /// The process is no more: nobody shall kill another one that is given its number.
    pub(super) fn ended(&self) {
        let _ = fs::remove_file(self.pid_file());
    }

    /// Removes what a killed server has left outside its folder: a few bytes of shared memory, until the next boot.
    pub(super) fn forget(&self) {
        let state = fs::read_to_string(self.postmaster_file()).unwrap_or_default();
        // `    key         id`
        let id = state
            .lines()
            .nth(6)
            .and_then(|line| line.split_ascii_whitespace().nth(1));
        if let Some(id) = id {
            let _ = Command::new("ipcrm")
                .args(["-m", id])
                .stderr(Stdio::null())
                .status();
        }
    }

    pub(super) fn log(&self) -> String {
        end(&self.read_log()).to_owned()
    }

    fn read_log(&self) -> String {
        let log = fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// A program of PostgreSQL's, in the server's folder, without the variables that would change what it does.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user.id).gid(user.group);
        }
        command
    }

    fn give(&self, path: &Path) -> Result<()> {
        self.user.map_or(Ok(()), |user| user.owns(path))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn postmaster_file(&self) -> PathBuf {
        self.data().join("postmaster.pid")
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }
}

/// A port outside the ranges that systems give away by themselves: one of those could be taken while the server is down.
pub(super) fn free_port() -> Result<u16> {
    const FIRST: u16 = 20_000;
    const PORTS: u128 = 10_000;
    for _ in 0..100 {
        let offset = u16::try_from(Ulid::new().random() % PORTS)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, FIRST + offset)).is_ok() {
            return Ok(FIRST + offset);
        }
    }
    bail!("no port of 127.0.0.1 from {FIRST} on is free");
}

fn end(log: &str) -> &str {
    let start = log.len().saturating_sub(SHOWN);
    let start = (start..log.len()).find(|start| log.is_char_boundary(*start));
    start.map_or("", |start| log[start..].trim_end())
}
