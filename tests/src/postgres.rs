//! A real PostgreSQL server of the tests' own, in a temporary directory on a free port of 127.0.0.1.

mod cluster;
mod database;
mod frozen;
mod pgbouncer;
mod programs;
mod shared;
mod watcher;

use std::fmt;
use std::process::Child;

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use tempfile::TempDir;
use ulid::Ulid;

use self::cluster::Cluster;
pub use self::database::Database;
use self::database::Login;
pub use self::frozen::Frozen;
pub use self::pgbouncer::Pgbouncer;
pub use self::shared::Shared;
use self::watcher::Watcher;

/// A server that a test may stop and start; ended and removed on drop, and when the process of the test ends.
///
/// It keeps what a server in production keeps: it waits for the disk (`fsync`), and nobody gets in without a password.
/// Its user `tasks` may create databases and is no superuser. Calls block: what they wait for is a program.
pub struct Postgres {
    login: Login,
    cluster: Cluster,
    process: Option<Child>,
    // In this order: the watcher would remove the folder as well.
    _folder: TempDir,
    _watcher: Watcher,
}

impl Postgres {
    /// The one server of a test run, for tests that leave it running; started by the first test that asks for it.
    ///
    /// With nextest, where each test is a process of its own, it ends with the run, else with the process.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn shared() -> Result<&'static Shared> {
        shared::shared()
    }

    /// A server for this test alone.
    ///
    /// # Errors
    ///
    /// If PostgreSQL is not installed, with the command that installs it, or does not start, with what it wrote.
    pub fn start() -> Result<Self> {
        let folder = folder()?;
        let watcher = Watcher::of_this_process(folder.path())?;
        let (cluster, process, login) = launch(&folder)?;
        Ok(Self {
            login,
            cluster,
            process: Some(process),
            _folder: folder,
            _watcher: watcher,
        })
    }

    /// An empty database of its own for a test, removed on drop.
    ///
    /// # Errors
    ///
    /// If the server does not answer or refuses.
    pub fn database(&self) -> Result<Database> {
        self.login.database()
    }

    /// `postgres://tasks:<password>@127.0.0.1:<port>/postgres`, the database that every server has.
    #[must_use]
    pub fn url(&self) -> String {
        self.login.url("postgres")
    }

    /// The port, which stays the same when the server is started again.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.login.port()
    }

    /// The end of the server's log, for the message of a failed test.
    #[must_use]
    pub fn log(&self) -> String {
        self.cluster.log()
    }

    /// Ends the server at once, cutting all connections off; the next start recovers from the log as after a crash.
    ///
    /// Does nothing when it is not running.
    ///
    /// # Errors
    ///
    /// If it cannot be told to stop or has to be killed.
    pub fn stop(&mut self) -> Result<()> {
        self.end(Signal::QUIT)
    }

    /// Ends the server in order: transactions are rolled back, connections told, everything written.
    ///
    /// Does nothing when it is not running.
    ///
    /// # Errors
    ///
    /// If it cannot be told to stop or has to be killed.
    pub fn stop_fast(&mut self) -> Result<()> {
        self.end(Signal::INT)
    }

    /// Kills the main process of the server (`SIGKILL`), which can then do nothing more about it. The processes of the
    /// connections notice and end soon after.
    ///
    /// Does nothing when it is not running.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        process.kill().context("cannot kill PostgreSQL")?;
        process.wait().context("PostgreSQL does not end")?;
        self.cluster.ended();
        Ok(())
    }

    /// Stops all processes of the server (`SIGSTOP`) until what is returned is dropped: the system takes connections for it, and nobody answers.
    ///
    /// # Errors
    ///
    /// If it is not running, or the system refuses.
    pub fn freeze(&self) -> Result<Frozen> {
        let process = self.process.as_ref().context("it is not running")?;
        Frozen::new(process.id())
    }

    /// Starts the server again on the same port with the same data, and waits until it takes connections.
    ///
    /// Does nothing when it is running.
    ///
    /// # Errors
    ///
    /// If it does not start, with what it wrote.
    pub fn start_again(&mut self) -> Result<()> {
        if self.process.is_none() {
            self.process = Some(self.cluster.start(self.login.port())?);
        }
        Ok(())
    }

    /// A port that nobody listens to.
    ///
    /// # Errors
    ///
    /// If all of many ports are in use.
    pub fn free_port() -> Result<u16> {
        cluster::free_port()
    }

    /// A server on this port that has taken the place of this one, which does not run, with all that it had: as a standby that was promoted.
    ///
    /// # Errors
    ///
    /// If this one runs, its files cannot be copied, or the new one does not start, with what it wrote.
    pub fn successor(&self, port: u16) -> Result<Self> {
        anyhow::ensure!(self.process.is_none(), "the server still runs");
        let folder = folder()?;
        let watcher = Watcher::of_this_process(folder.path())?;
        let cluster = self.cluster.promoted_copy(folder.path())?;
        let process = cluster.start(port)?;
        Ok(Self {
            login: self.login.on_port(port),
            cluster,
            process: Some(process),
            _folder: folder,
            _watcher: watcher,
        })
    }

    /// Starts the server anew with this certificate and its key, in PEM.
    ///
    /// # Errors
    ///
    /// If the files cannot be written, or the server does not take them.
    pub fn encrypt(&mut self, certificate: &str, key: &str) -> Result<()> {
        self.stop_fast()?;
        self.cluster.encrypt(certificate, key)?;
        self.start_again()
    }

    fn end(&mut self, signal: Signal) -> Result<()> {
        self.process
            .take()
            .map_or(Ok(()), |process| self.cluster.stop(process, signal))
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("login", &self.login)
            .field("running", &self.process.is_some())
            .finish_non_exhaustive()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("{error:#}");
        }
        self.cluster.forget();
    }
}

fn folder() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("tasks-postgres-")
        .tempdir()
        .context("cannot create a temporary directory")
}

/// Makes a server in an empty folder and starts it.
fn launch(folder: &TempDir) -> Result<(Cluster, Child, Login)> {
    // Whoever knows it may run programs as the server's user, so it is not the same for everyone.
    let password = format!("{:020x}", Ulid::new().random());
    let cluster = Cluster::create(folder.path(), &password)?;
    let (process, port) = cluster.start_on_a_free_port()?;
    let login = Login::new(port, password);
    if let Err(error) = login.create_user() {
        let _ = cluster.stop(process, Signal::QUIT);
        return Err(error);
    }
    Ok((cluster, process, login))
}
