//! A real PgBouncer in transaction mode, between a test and a PostgreSQL server.

use std::fmt;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::cluster::free_port;
use super::database::{Database, Login};
use super::programs::User;
use super::watcher::Watcher;

const TIMEOUT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
/// Fewer than the connections of a service, so that they are shared.
const CONNECTIONS: usize = 4;

/// A pooler with few connections to the server; ended on drop, and when the process of the test ends. One that ends by itself is started again, as
/// by systemd: version 1.18, which Debian 12 has, exits at times when a client cancels a statement
/// (<https://github.com/pgbouncer/pgbouncer/issues/801>).
pub struct Pgbouncer {
    login: Login,
    /// `None` when it is to end.
    process: Arc<Mutex<Option<Child>>>,
    // In this order: the watcher would remove the folder as well.
    folder: TempDir,
    _watcher: Watcher,
}

impl Pgbouncer {
    /// Starts one before the server of a database.
    ///
    /// # Errors
    ///
    /// If PgBouncer is not installed, with the command that installs it, or does not start, with what it wrote.
    pub fn before(database: &Database) -> Result<Self> {
        let program = program()?;
        let folder = tempfile::Builder::new()
            .prefix("tasks-pgbouncer-")
            .tempdir()?;
        let watcher = Watcher::of_this_process(folder.path())?;
        let user = User::instead_of_root()?;
        let server = database.login();
        let users = format!("\"{}\" \"{}\"\n", Login::USER, server.password());
        let file = |name: &str, text: &str| -> Result<PathBuf> {
            let path = folder.path().join(name);
            let mut options = File::options();
            let mut file = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            file.write_all(text.as_bytes())?;
            if let Some(user) = user {
                user.owns(&path)?;
            }
            Ok(path)
        };
        let users = file("users.txt", &users)?;
        if let Some(user) = user {
            user.owns(folder.path())?;
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let port = free_port()?;
            let settings = format!(
                "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = plain\nauth_file = {users}\npool_mode = transaction\n\
                 default_pool_size = {CONNECTIONS}\nmax_client_conn = 500\n\
                 server_login_retry = 1\nquery_wait_timeout = 10\n",
                server = server.port(),
                users = users.display(),
            );
            let settings = file(&format!("pgbouncer-{tries}.ini"), &settings)?;
            let start = {
                let (program, folder) = (program.clone(), folder.path().to_owned());
                move || -> Result<Child> {
                    let log = File::options()
                        .create(true)
                        .append(true)
                        .open(folder.join("log"))?;
                    let mut command = Command::new(&program);
                    command
                        .arg(&settings)
                        .current_dir(&folder)
                        .stdin(Stdio::null())
                        .stdout(log.try_clone()?)
                        .stderr(log)
                        .process_group(0);
                    if let Some(user) = user {
                        command.uid(user.id).gid(user.group);
                    }
                    let process = command.spawn().context("cannot start PgBouncer")?;
                    fs::write(folder.join("pid"), process.id().to_string())?;
                    Ok(process)
                }
            };
            let mut process = start()?;
            if ready(&mut process, port)? {
                let process = Arc::new(Mutex::new(Some(process)));
                keep_running(Arc::clone(&process), start);
                return Ok(Self {
                    login: Login::new(port, server.password().to_owned()),
                    process,
                    folder,
                    _watcher: watcher,
                });
            }
            let _ = process.kill();
            let _ = process.wait();
            if tries == 5 {
                bail!("PgBouncer did not start\n{}", log_of(&folder));
            }
        }
    }

    /// The URL of a database through the pooler.
    #[must_use]
    pub fn url(&self, database: &Database) -> String {
        self.login.url(database.name())
    }

    /// What it has written, for the message of a failed test.
    #[must_use]
    pub fn log(&self) -> String {
        log_of(&self.folder)
    }
}

fn log_of(folder: &TempDir) -> String {
    let mut text = String::new();
    if let Ok(mut file) = File::open(folder.path().join("log")) {
        let _ = file.read_to_string(&mut text);
    }
    text
}

/// Starts it again whenever it has ended, until it is taken away.
fn keep_running(
    process: Arc<Mutex<Option<Child>>>,
    start: impl Fn() -> Result<Child> + Send + 'static,
) {
    thread::spawn(move || {
        loop {
            thread::sleep(PAUSE);
            let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(child) = process.as_mut() else {
                return;
            };
            if let Ok(Some(status)) = child.try_wait()
                && let Ok(again) = start()
            {
                eprintln!("PgBouncer ended ({status}), and is started again");
                *child = again;
            }
        }
    });
}

/// Whether it takes connections; `false` when it has ended.
fn ready(process: &mut Child, port: u16) -> Result<bool> {
    let deadline = Instant::now() + TIMEOUT;
    while Instant::now() < deadline {
        if process.try_wait()?.is_some() {
            return Ok(false);
        }
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(true);
        }
        thread::sleep(PAUSE);
    }
    Ok(false)
}

fn program() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder: PathBuf| folder.join("pgbouncer"))
        .find(|program| program.is_file())
        .context(
            "PgBouncer is not installed: `pgbouncer` is neither in PATH nor in /usr/sbin. `cargo xtask test setup` installs it on \
             Debian, as root, and elsewhere prints the command that does",
        )
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut process) = process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = fs::remove_file(self.folder.path().join("pid"));
    }
}

/// Without the password.
impl fmt::Debug for Pgbouncer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pgbouncer")
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}
