//! What it costs to look at a busy service, and how long its views take when there are many jobs: `cargo xtask bench dashboard`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use serde_json::json;
use tasks_tests::browser::Browser;
use tasks_tests::databases::TestDatabase;
use tasks_tests::process::Server;
use tasks_web::prelude::*;

/// Finished jobs that are kept.
const KEPT: u64 = 100_000;
/// Jobs that are submitted per second.
const RATE: u64 = 200;
/// Dashboards that are open.
const DASHBOARDS: usize = 50;
/// How long it is measured.
const TIME: Duration = Duration::from_secs(20);
/// How often each view is asked for.
const ASKED: usize = 21;

/// What the views of the dashboard read.
const VIEWS: [(&str, &str); 12] = [
    ("jobs, newest", "/api/v1/jobs?page=1&size=50"),
    ("jobs, page 1,000", "/api/v1/jobs?page=1000&size=50"),
    (
        "jobs, failed",
        "/api/v1/jobs?page=1&size=50&status_filter=failed",
    ),
    ("jobs of a task", "/api/v1/jobs?page=1&size=50&task=nothing"),
    (
        "jobs of a queue",
        "/api/v1/jobs?page=1&size=50&queue=default",
    ),
    (
        "jobs with a text that none has",
        "/api/v1/jobs?page=1&size=50&search=nowhere",
    ),
    ("numbers of jobs", "/api/v1/jobs/$stats"),
    ("history", "/api/v1/jobs/$history"),
    ("failures", "/api/v1/jobs/$failures"),
    ("queues", "/api/v1/jobs/$queues"),
    ("workers", "/api/v1/jobs/$workers"),
    ("audit log", "/api/v1/audit-log"),
];

/// The views of the dashboard.
const PAGES: [(&str, &str); 8] = [
    ("overview", ""),
    ("jobs, newest", "/jobs"),
    ("jobs, page 1,000", "/jobs?page=1000"),
    ("jobs, failed", "/jobs?status=failed"),
    ("jobs with a text that none has", "/jobs?search=nowhere"),
    ("queues", "/queues"),
    ("workers", "/workers"),
    ("audit log", "/audit-log"),
];

/// Waits until a view is there that loads nothing any more. Gives the time since the browser began to open it, in milliseconds.
const SHOWN: &str = "const done = arguments[0]; \
     const look = () => { \
       const main = document.querySelector('main'); \
       if (main && main.textContent.length > 20 && !main.querySelector('[aria-busy=true]')) \
         requestAnimationFrame(() => done(performance.now())); \
       else setTimeout(look, 5); \
     }; \
     look();";

#[task]
async fn nothing(n: u64) -> u64 {
    n
}

/// A service on the database of `SERVE`.
async fn serve(url: String) -> Result<()> {
    Service::builder(ServiceInfo::new("busy", "Busy"))
        .with_database(Database::from_url(&url))
        .with_jobs(Jobs::new().max_concurrency(50).retention(None))
        .with_dashboard()
        // All come from one address.
        .max_streams(512, 512)
        .build()
        .await?
        .run()
        .await?;
    Ok(())
}

/// Finished jobs, one of a hundred failed.
async fn keep(url: &str) -> Result<()> {
    let database = Database::from_url(url).connect().await?;
    let columns = "INSERT INTO tasks_jobs (id, task_name, queue, state, priority, run_at, submitted_at, started_at, finished_at, attempt, \
         max_attempts, crashes, fence, params, result, error) SELECT '00' || substr('000000000000000000000000' || n, -24), 'nothing', \
         'default', CASE WHEN n % 100 = 0 THEN 4 ELSE 3 END, 0, n, n, n, n, 1, 1, 0, 1, '{\"n\":1}', '1', \
         CASE WHEN n % 100 = 0 THEN 'it failed' END";
    let sql = match database.backend() {
        tasks_web::database::Backend::Sqlite => format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {KEPT}) {columns} FROM n; ANALYZE"
        ),
        _ => format!("{columns} FROM generate_series(1, {KEPT}) AS n (n); ANALYZE tasks_jobs"),
    };
    database.session().execute_script(&sql).await?;
    database.close().await;
    Ok(())
}

/// The CPU time of a process.
fn cpu_time(process: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // One that has ended meanwhile has nothing more to say.
        let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let first = text.split_whitespace().next().unwrap_or_default();
        nanoseconds += first.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// How much of one CPU the service takes while jobs are submitted and so many dashboards look, in per cent, and how many events a
/// second each of them gets.
async fn busy(server: &Server, dashboards: usize) -> Result<(f64, f64)> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let events = Arc::new(AtomicUsize::new(0));
    let mut watching = Vec::new();
    for _ in 0..dashboards {
        let url = server.url("/api/v1/jobs/$stream?page=1&size=50");
        let response = client.get(url).send().await?.error_for_status()?;
        let heard = Arc::clone(&events);
        watching.push(tokio::spawn(async move {
            let mut pieces = response.bytes_stream();
            while let Some(Ok(piece)) = pieces.next().await {
                let begun = piece.windows(4).filter(|bytes| bytes == b"id: ").count();
                heard.fetch_add(begun, Ordering::Relaxed);
            }
        }));
    }
    let submit = server.url("/api/v1/tasks/nothing/$submit");
    let submitting = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE as u32);
        let mut n = 0_u64;
        loop {
            ticks.tick().await;
            n += 1;
            let sent = client.post(&submit).json(&json!({"params": {"n": n}}));
            tokio::spawn(async move { sent.send().await });
        }
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    events.store(0, Ordering::Relaxed);
    let before = cpu_time(server.pid())?;
    tokio::time::sleep(TIME).await;
    let spent = cpu_time(server.pid())?.saturating_sub(before);
    submitting.abort();
    for one in &watching {
        one.abort();
    }
    let seconds = TIME.as_secs_f64();
    Ok((
        spent.as_secs_f64() / seconds * 100.0,
        events.load(Ordering::Relaxed) as f64 / seconds / dashboards.max(1) as f64,
    ))
}

/// How long a request takes, in milliseconds: half of them, and the longest.
async fn answer(server: &Server, path: &str) -> Result<[f64; 2]> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut took = Vec::new();
    for _ in 0..ASKED {
        let began = Instant::now();
        let response = client.get(server.url(path)).send().await?;
        ensure!(
            response.status().is_success(),
            "{path}: {}",
            response.status()
        );
        response.bytes().await?;
        took.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    median_and_longest(took)
}

fn median_and_longest(mut took: Vec<f64>) -> Result<[f64; 2]> {
    took.sort_unstable_by(f64::total_cmp);
    let longest = took.last().copied();
    Ok([took[ASKED / 2], longest.context("it was asked for")?])
}

/// How long it takes until a browser shows a view, in milliseconds: half of the times, and the longest.
async fn shown(browser: &Browser, server: &Server, path: &str) -> Result<[f64; 2]> {
    let url = server.url(&format!("/dashboard{path}"));
    let mut took = Vec::new();
    for _ in 0..ASKED {
        browser.goto(&url).await?;
        let shown = browser.client().execute_async(SHOWN, Vec::new()).await?;
        took.push(
            shown
                .as_f64()
                .context("the browser says how long it took")?,
        );
    }
    median_and_longest(took)
}

#[tokio::main]
async fn main() -> Result<()> {
    if let Ok(url) = std::env::var("SERVE") {
        return serve(url).await;
    }
    let program = std::env::current_exe()?;
    let databases: [(&str, TestDatabase); 2] = [
        ("SQLite", TestDatabase::sqlite()),
        ("PostgreSQL", TestDatabase::postgres()),
    ];
    let mut servers = Vec::new();
    for (name, test) in &databases {
        let server = Server::start_program(&program, [("SERVE", test.url())])?;
        keep(test.url()).await?;
        servers.push((*name, server));
    }
    println!(
        "| view | SQLite p50, ms | SQLite longest, ms | PostgreSQL p50, ms | PostgreSQL longest, ms |"
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (name, path) in VIEWS {
        let mut row = format!("| {name} |");
        for (_, server) in &servers {
            let [median, longest] = answer(server, path).await?;
            row.push_str(&format!(" {median:.1} | {longest:.1} |"));
        }
        println!("{row}");
    }
    println!(
        "\n| in the browser | SQLite p50, ms | SQLite longest, ms | PostgreSQL p50, ms | PostgreSQL longest, ms |"
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    let browser = Browser::open().await?;
    for (name, path) in PAGES {
        let mut row = format!("| {name} |");
        for (_, server) in &servers {
            let [median, longest] = shown(&browser, server, path).await?;
            row.push_str(&format!(" {median:.0} | {longest:.0} |"));
        }
        println!("{row}");
    }
    // It would take CPU time from the service.
    drop(browser);
    println!(
        "\n| database | without dashboards, % of a CPU | with {DASHBOARDS}, % of a CPU | changes a second that each hears of |"
    );
    println!("| --- | ---: | ---: | ---: |");
    for (name, server) in &servers {
        let (alone, _) = busy(server, 0).await?;
        let (watched, events) = busy(server, DASHBOARDS).await?;
        println!("| {name} | {alone:.1} | {watched:.1} | {events:.1} |");
    }
    Ok(())
}
