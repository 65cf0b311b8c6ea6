//! An engine that calls back over HTTP, as a durable one of another machine would, and what the same tests of jobs run on.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use tasks_web::jobs::JobId;
use tasks_web::jobs::engine::{AttemptRunner, BoxError, DueAttempt, Engine, RunOutcome};
use tasks_web::jobs::{Jobs, Scheduler};

use crate::databases::TestDatabase;
use crate::http;

/// How long to wait before calling again: twice as long each time, up to the second.
const AGAIN: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(500)];

/// Calls `POST /{job}` until the attempt has ended. Everything that it knows is the address.
#[derive(Debug)]
pub struct CalledBack {
    address: std::net::SocketAddr,
    client: reqwest::Client,
    runtime: tokio::runtime::Handle,
}

impl Engine for CalledBack {
    fn dispatch<'a>(
        &'a self,
        attempts: &'a [DueAttempt],
    ) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>> {
        for due in attempts {
            let (client, url) = (
                self.client.clone(),
                format!("http://{}/{}", self.address, due.job),
            );
            self.runtime.spawn(async move {
                let [mut pause, longest] = AGAIN;
                loop {
                    let called = client.post(&url).send().await;
                    match called.map(|response| response.status().as_u16()) {
                        Ok(200 | 204) => return,
                        _ => tokio::time::sleep(pause).await,
                    }
                    pause = (pause * 2).min(longest);
                }
            });
        }
        Box::pin(async { Ok(()) })
    }
}

/// What a process that is called back has: its server, and the attempts once it runs some.
#[derive(Clone, Debug, Default)]
struct Called(Arc<Mutex<Option<AttemptRunner>>>);

async fn call(called: web::Data<Called>, job: web::Path<String>) -> HttpResponse {
    let attempts = called
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let (Some(attempts), Ok(job)) = (attempts, job.parse::<JobId>()) else {
        return HttpResponse::ServiceUnavailable().finish();
    };
    match attempts.run(job).await {
        Ok(RunOutcome::Ended) => HttpResponse::Ok().finish(),
        Ok(RunOutcome::NotDue) => HttpResponse::NoContent().finish(),
        Ok(_) => HttpResponse::Conflict().finish(),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

/// A database, and what drives the jobs in it.
#[derive(Debug)]
pub struct Ground {
    test: TestDatabase,
    called: Option<Called>,
}

impl Ground {
    /// Processes take the jobs by themselves.
    #[must_use]
    pub fn embedded(test: TestDatabase) -> Self {
        Self { test, called: None }
    }

    /// An engine calls back.
    #[must_use]
    pub fn called_back(test: TestDatabase) -> Self {
        Self {
            test,
            called: Some(Called::default()),
        }
    }

    /// Where the database is.
    #[must_use]
    pub fn url(&self) -> &str {
        self.test.url()
    }

    /// The settings, with the engine.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn jobs(&self, jobs: Jobs) -> Jobs {
        let Some(called) = self.called.clone() else {
            return jobs;
        };
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("a port");
        std::thread::spawn(move || {
            let data = web::Data::new(called);
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(data.clone())
                    .route("/{job}", web::post().to(call))
            });
            let server = server.workers(1).disable_signals().listen(listener)?;
            actix_web::rt::System::new().block_on(server.run())
        });
        jobs.engine(CalledBack {
            address,
            client: http::client().expect("a client"),
            runtime: tokio::runtime::Handle::current(),
        })
    }

    /// Once the scheduler has started.
    pub fn started(&self, scheduler: &Scheduler) {
        if let Some(called) = &self.called {
            *called.0.lock().unwrap_or_else(PoisonError::into_inner) =
                scheduler.attempt_runner().ok();
        }
    }
}

/// Each function is a test with each engine on each database.
#[macro_export]
macro_rules! with_every_engine {
    ($($name:ident),* $(,)?) => {
        $crate::with_every_engine!(@ sqlite, embedded, sqlite, $($name),*);
        $crate::with_every_engine!(@ postgres, embedded, postgres, $($name),*);
        $crate::with_every_engine!(@ pgbouncer, embedded, pgbouncer, $($name),*);
        $crate::with_every_engine!(@ called_back_on_sqlite, called_back, sqlite, $($name),*);
        $crate::with_every_engine!(@ called_back_on_postgres, called_back, postgres, $($name),*);
    };
    (@ $module:ident, $engine:ident, $database:ident, $($name:ident),*) => {
        mod $module {
            use $crate::databases::TestDatabase;
            use $crate::engines::Ground;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(Ground::$engine(TestDatabase::$database())).await;
                }
            )*
        }
    };
}
