//! Databases of a server, one for each test.

use std::time::Duration;
use std::{fmt, thread};

use anyhow::{Context as _, Result, anyhow};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};
use ulid::Ulid;

/// How long one statement may take on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
const TRIES: usize = 100;

/// Where a server is and what lets one in.
#[derive(Clone)]
pub(super) struct Login {
    port: u16,
    password: String,
}

impl Login {
    /// The user that tests connect as.
    pub(super) const USER: &str = "tasks";

    pub(super) fn new(port: u16, password: String) -> Self {
        Self { port, password }
    }

    /// The same of a server on another port.
    pub(super) fn on_port(&self, port: u16) -> Self {
        Self {
            port,
            password: self.password.clone(),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    pub(super) fn url(&self, database: &str) -> String {
        format!(
            "postgres://{}:{}@127.0.0.1:{}/{database}",
            Self::USER,
            self.password,
            self.port
        )
    }

    /// Makes the user that [`url`](Self::url) names.
    pub(super) fn create_user(&self) -> Result<()> {
        let sql = format!(
            "CREATE ROLE {} LOGIN CREATEDB PASSWORD '{}'",
            Self::USER,
            self.password
        );
        self.execute("postgres", &sql)
            .context("cannot create a user")
    }

    pub(super) fn database(&self) -> Result<Database> {
        let name = format!("test_{}", Ulid::new().to_string().to_lowercase());
        // The template that nobody can be connected to: a database that is in use cannot be copied.
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0");
        let mut tries = 0;
        loop {
            tries += 1;
            match self.execute(Self::USER, &sql) {
                Ok(()) => break,
                Err(error) if tries < TRIES && is_in_use(&error) => thread::sleep(PAUSE),
                Err(error) => return Err(error).context("cannot create a database"),
            }
        }
        Ok(Database {
            login: self.clone(),
            name,
        })
    }

    /// Runs one statement. On a thread of its own, as the caller may be one that drives a runtime.
    fn execute(&self, user: &str, sql: &str) -> Result<()> {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime
                .block_on(async { timeout(TIMEOUT, self.statement(user, sql)).await })
                .with_context(|| format!("PostgreSQL did not answer within {TIMEOUT:?}"))?
        };
        thread::scope(|scope| scope.spawn(run).join())
            .map_err(|_| anyhow!("the client of PostgreSQL panicked"))?
    }

    async fn statement(&self, user: &str, sql: &str) -> Result<()> {
        let (client, connection) = Config::new()
            .host("127.0.0.1")
            .port(self.port)
            .user(user)
            .password(&self.password)
            .dbname("postgres")
            .connect(NoTls)
            .await
            .with_context(|| format!("cannot connect to PostgreSQL on port {}", self.port))?;
        // It ends with the client, and so does the runtime it is on.
        tokio::spawn(connection);
        Ok(client.batch_execute(sql).await?)
    }
}

/// Without the password.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

fn is_in_use(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<tokio_postgres::Error>()
        .is_some_and(|error| error.code() == Some(&SqlState::OBJECT_IN_USE))
}

/// An empty database with a name of its own, removed on drop together with the connections to it.
#[derive(Debug)]
pub struct Database {
    login: Login,
    name: String,
}

impl Database {
    /// `postgres://tasks:<password>@127.0.0.1:<port>/<name>`.
    #[must_use]
    pub fn url(&self) -> String {
        self.login.url(&self.name)
    }

    pub(super) fn login(&self) -> &Login {
        &self.login
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A server that does not run any more takes its databases with it.
        if let Err(error) = self.login.execute(Login::USER, &sql) {
            eprintln!("database {} was not removed: {error:#}", self.name);
        }
    }
}
