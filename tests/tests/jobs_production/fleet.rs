//! Processes of the program `job-program` that share a database.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tasks_tests::databases::{TestDatabase, count};
use tasks_tests::http;
use tasks_tests::process::Server;
use tasks_web::Database;

pub(crate) struct Process(pub(crate) Server);

impl Process {
    /// Starts one with these variables.
    pub(crate) fn start(test: &TestDatabase, environment: &[(&str, &str)]) -> Self {
        let runs = runs_of(test);
        let own = [
            ("DATABASE_URL", test.url()),
            ("RUNS", runs.to_str().unwrap()),
        ];
        let variables = own.into_iter().chain(environment.iter().copied());
        let program = Path::new(env!("CARGO_BIN_EXE_job-program"));
        Self(Server::start_program(program, variables).unwrap())
    }

    /// Stops it (SIGSTOP) at a moment when it has not locked the file of a SQLite database: nobody else could write while it is stopped.
    pub(crate) async fn stop_without_lock(&self, test: &TestDatabase) {
        let database = Database::from_url(test.url())
            .acquire_timeout(Duration::from_millis(500))
            .connect()
            .await
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            self.0.signal(Signal::STOP).unwrap();
            let session = database.session();
            let written: Result<(), tasks_web::DatabaseError> = session
                .transaction(async |tx| {
                    tx.batch("UPDATE tasks_declarations SET renewed_at = renewed_at")
                        .await
                })
                .await;
            match written {
                Ok(()) => return,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            self.0.signal(Signal::CONT).unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Submits a job, and gives its id.
    pub(crate) async fn submit(&self, task: &str, params: Value) -> String {
        self.submit_with(task, json!({"params": params})).await
    }

    pub(crate) async fn submit_with(&self, task: &str, body: Value) -> String {
        let url = self.0.url(&format!("/api/v1/tasks/{task}/$submit"));
        let (status, job) = http::post(&url, &body).await.unwrap();
        assert_eq!(status.as_u16(), 202, "{job}");
        job["id"].as_str().unwrap().to_owned()
    }

    /// Executes a task, and gives its result.
    pub(crate) async fn execute(&self, task: &str, params: Value) -> Value {
        let url = self.0.url(&format!("/api/v1/tasks/{task}/$execute"));
        let (status, answer) = http::post(&url, &json!({"params": params})).await.unwrap();
        assert_eq!(status.as_u16(), 200, "{answer}");
        assert_eq!(answer["error"], Value::Null, "{answer}");
        answer["result"].clone()
    }

    pub(crate) async fn job(&self, id: &str) -> Value {
        let url = self.0.url(&format!("/api/v1/jobs/{id}"));
        http::get(&url).await.unwrap().1
    }

    /// Waits until a job has this status.
    pub(crate) async fn until(&self, id: &str, status: &str, limit: Duration) -> Value {
        let deadline = Instant::now() + limit;
        loop {
            let job = self.job(id).await;
            if job["status"] == status {
                return job;
            }
            assert!(
                Instant::now() < deadline,
                "not {status} within {limit:?}: {job}\n{}",
                self.0.output()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn health(&self) -> (u16, Value) {
        let (status, health) = http::get(&self.0.url("/health")).await.unwrap();
        (status.as_u16(), health)
    }

    /// Asks it to end, and gives how long that took.
    pub(crate) async fn terminate(self) -> Duration {
        let began = Instant::now();
        let Self(mut server) = self;
        server.signal(Signal::TERM).unwrap();
        // It waits for a process, so it has a thread of its own.
        let waited = tokio::task::spawn_blocking(move || {
            let ended = server.wait(Duration::from_secs(90)).unwrap();
            (server, ended)
        });
        let (server, ended) = waited.await.unwrap();
        assert!(
            ended.is_some_and(|status| status.success()),
            "{ended:?}\n{}",
            server.output()
        );
        began.elapsed()
    }
}

/// The number that a query gives as `count`, asked for beside all processes.
pub(crate) async fn look(test: &TestDatabase, sql: &str) -> i64 {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let found = count(&database, sql).await.unwrap();
    database.close().await;
    found
}

fn runs_of(test: &TestDatabase) -> std::path::PathBuf {
    test.folder().join("runs.txt")
}

/// How often a job has begun.
pub(crate) fn runs(test: &TestDatabase, job: &str) -> usize {
    let runs = std::fs::read_to_string(runs_of(test)).unwrap_or_default();
    runs.lines().filter(|line| line.starts_with(job)).count()
}

/// How many jobs have a crash.
pub(crate) async fn crashed(test: &TestDatabase) -> i64 {
    look(
        test,
        "SELECT COUNT(*) AS count FROM tasks_jobs WHERE crashes > 0",
    )
    .await
}
