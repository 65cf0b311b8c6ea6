//! How fast background jobs are taken, run and finished, on both databases: `cargo xtask bench jobs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tasks_tests::databases::TestDatabase;
use tasks_web::prelude::*;
use tasks_web::testing;

/// How many jobs are drained.
const JOBS: u64 = 10_000;
/// How many jobs are submitted one after the other, to see when they start.
const SINGLE: usize = 500;

#[derive(Clone, Default, Injectable)]
struct Done(Arc<AtomicU64>);

#[task(register = false)]
async fn nothing(done: Done, n: u64) -> u64 {
    done.0.fetch_add(1, Ordering::Relaxed);
    n
}

/// Says when it started.
#[task(register = false)]
async fn now(started: State<Arc<tokio::sync::Mutex<Option<Instant>>>>) {
    *started.lock().await = Some(Instant::now());
}

struct World {
    database: Database,
    scheduler: Scheduler,
    done: Done,
    started: Arc<tokio::sync::Mutex<Option<Instant>>>,
    executor: TaskExecutor,
}

impl World {
    async fn new(url: &str) -> Result<Self> {
        let database = Database::from_url(url).connect().await?;
        let jobs = Jobs::new().max_concurrency(200).retention(None);
        let scheduler = Scheduler::new(&database, jobs);
        let (done, started) = (Done::default(), Arc::default());
        let executor = testing::executor([task(nothing), task(now)])
            .provide(done.clone())
            .provide(Arc::clone(&started))
            .provide(scheduler.clone())
            .build()?;
        scheduler.attach(&executor);
        Ok(Self {
            database,
            scheduler,
            done,
            started,
            executor,
        })
    }

    /// Finished jobs that are kept.
    async fn keep(&self, count: u64) -> Result<()> {
        let sql = match self.database.backend() {
            tasks_web::database::Backend::Sqlite => format!(
                "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count}) {KEPT} FROM n"
            ),
            _ => format!("{KEPT} FROM generate_series(1, {count}) AS n (n)"),
        };
        self.database.session().execute_script(&sql).await?;
        Ok(())
    }

    /// Submits at once, and measures how long it takes until all are done.
    async fn drain(&self) -> Result<(f64, f64)> {
        let began = Instant::now();
        for start in (0..JOBS).step_by(1000) {
            let batch = (start..start + 1000).map(|n| self.scheduler.submit(call!(nothing, n = n)));
            self.scheduler.submit_all(batch).await?;
        }
        let submitted = JOBS as f64 / began.elapsed().as_secs_f64();
        self.done.0.store(0, Ordering::Relaxed);
        let began = Instant::now();
        self.scheduler.start(&self.executor)?;
        // To count the kept ones would be work, too.
        while self.done.0.load(Ordering::Relaxed) < JOBS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        loop {
            let stats = self.scheduler.stats().await?;
            if stats.pending == 0 && stats.running == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok((submitted, JOBS as f64 / began.elapsed().as_secs_f64()))
    }

    /// From before the submission until the task's code runs.
    async fn latencies(&self) -> Result<Vec<Duration>> {
        let mut latencies = Vec::with_capacity(SINGLE);
        for _ in 0..SINGLE {
            *self.started.lock().await = None;
            let began = Instant::now();
            let job = self.scheduler.submit(call!(now)).await?;
            self.scheduler.wait(job.id, Duration::from_secs(10)).await?;
            if let Some(started) = *self.started.lock().await {
                latencies.push(started - began);
            }
        }
        latencies.sort_unstable();
        Ok(latencies)
    }
}

const KEPT: &str = "INSERT INTO tasks_jobs (id, task_name, queue, state, priority, run_at, submitted_at, started_at, finished_at, \
     attempt, max_attempts, crashes, fence, params, result) \
     SELECT '00' || substr('000000000000000000000000' || n, -24), 'nothing', 'default', 3, 0, n, n, n, n, 1, 1, 0, 1, '{\"n\":1}', '1'";

async fn measure(name: &str, make: impl Fn() -> TestDatabase) -> Result<()> {
    for kept in [1_000, 200_000] {
        let test = make();
        let world = World::new(test.url()).await?;
        world.keep(kept).await?;
        let (submitted, drained) = world.drain().await?;
        let latencies = world.latencies().await?;
        let at = |share: f64| {
            latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0
        };
        println!(
            "| {name} | {kept} | {drained:.0} | {submitted:.0} | {:.2} | {:.2} |",
            at(0.5),
            at(0.99)
        );
        world.scheduler.shutdown().await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    println!(
        "| database | finished jobs kept | drained per second | submitted per second, 1,000 at once | start p50, ms | start p99, ms |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    measure("SQLite", TestDatabase::sqlite).await?;
    measure("PostgreSQL", TestDatabase::postgres).await?;
    Ok(())
}
