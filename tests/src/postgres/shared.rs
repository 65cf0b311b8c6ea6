//! One server for all tests of a run.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{env, fmt};

use anyhow::{Context as _, Result};

use super::database::{Database, Login};
use super::watcher::Watcher;
use super::{Postgres, folder, launch};
use crate::build::Layout;

/// A server that runs as long as there are tests, and that none of them may stop.
pub struct Shared {
    login: Login,
    /// Unless it belongs to the whole run.
    _own: Option<Postgres>,
}

impl Shared {
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

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.login.port()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

pub(super) fn shared() -> Result<&'static Shared> {
    static SHARED: Mutex<Option<&'static Shared>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = *shared {
        return Ok(shared);
    }
    let new = match env::var("NEXTEST_RUN_ID") {
        Ok(run) => Shared {
            login: of_the_run(&run)?,
            _own: None,
        },
        Err(_) => {
            let own = Postgres::start()?;
            Shared {
                login: own.login.clone(),
                _own: Some(own),
            }
        }
    };
    // For the rest of the process; the watcher ends the server after that.
    Ok(shared.insert(Box::leak(Box::new(new))))
}

/// With nextest, each test is a process of its own, and a child of nextest's.
fn of_the_run(run: &str) -> Result<Login> {
    let folder = Layout::of_this_test()?.target_dir.join("tasks-tests");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join(format!("postgres-{run}"));
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        // There is a password in it.
        .mode(0o600)
        .open(&path)?;
    // Released when the file is closed, however that comes about.
    file.lock()
        .with_context(|| format!("cannot lock {}", path.display()))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if let Some(login) = recorded(&text)
        // It is not there if what started this test is not nextest itself but, say, an emulator that has ended.
        && TcpStream::connect((Ipv4Addr::LOCALHOST, login.port())).is_ok()
    {
        return Ok(login);
    }
    let login = start_for(parent_id(), &path)?;
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}\n{}", login.port(), login.password())?;
    Ok(login)
}

fn recorded(text: &str) -> Option<Login> {
    let (port, password) = text.split_once('\n')?;
    Some(Login::new(port.parse().ok()?, password.to_owned()))
}

/// Starts a server that outlives this process and ends with another.
fn start_for(process: u32, record: &Path) -> Result<Login> {
    let folder = folder()?;
    Watcher::of_process(folder.path(), process, record)?;
    let (_, _, login) = launch(&folder)?;
    let _ = folder.keep();
    Ok(login)
}
