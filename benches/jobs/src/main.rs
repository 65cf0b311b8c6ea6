//! How fast background jobs are taken, run and finished, on both databases: `cargo xtask bench jobs`.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tasks_tests::databases::{TestDatabase, count};
use tasks_web::jobs::GraphNode;
use tasks_web::prelude::*;
use tasks_web::testing;

/// How many jobs are drained.
const JOBS: u64 = 10_000;
/// How often, each time with a fresh database: what is shown are the medians.
const RUNS: usize = 5;
/// How many jobs are submitted one after the other, to see when they start.
const SINGLE: usize = 500;
/// How many graphs are drained, each of four nodes, and how many nodes a chain has.
const GRAPHS: u64 = 500;
const CHAIN: u64 = 100;
/// How many jobs wait while some of them are taken, and how many keys they have.
const WAITING: u64 = 200_000;
const KEYS: u64 = 10_000;

#[derive(Clone, Default, Injectable)]
struct Done(Arc<AtomicU64>);

#[task(register = false)]
async fn nothing(done: Done, n: u64) -> u64 {
    done.0.fetch_add(1, Ordering::Relaxed);
    n
}

/// Does nothing, twice at once for each key at most.
#[task(register = false, concurrency_key = "key", concurrency_per_key = 2)]
async fn of_a_key(done: Done, key: u64) -> u64 {
    done.0.fetch_add(1, Ordering::Relaxed);
    key
}

/// Does nothing in three durable steps.
#[task(register = false)]
async fn steps(context: TaskContext, done: Done, n: u64) -> Result<u64> {
    for step in 0..3 {
        context
            .step(("step", step), async || anyhow::Ok(step))
            .await?;
    }
    done.0.fetch_add(1, Ordering::Relaxed);
    Ok(n)
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
        let executor = testing::executor([task(nothing), task(now), task(steps), task(of_a_key)])
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

    /// Has very many jobs wait, and measures how many of the first ones are done in a second.
    async fn drain_waiting(&self, with_keys: bool) -> Result<f64> {
        for start in (0..WAITING).step_by(10_000) {
            let batch = (start..start + 10_000).map(|n| {
                let call = if with_keys {
                    call!(of_a_key, key = n % KEYS)
                } else {
                    call!(nothing, n = n)
                };
                self.scheduler.submit(call)
            });
            self.scheduler.submit_all(batch).await?;
        }
        self.done.0.store(0, Ordering::Relaxed);
        let began = Instant::now();
        self.scheduler.start(&self.executor)?;
        while self.done.0.load(Ordering::Relaxed) < 2 * JOBS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let done = self.done.0.load(Ordering::Relaxed);
        Ok(done as f64 / began.elapsed().as_secs_f64())
    }

    /// Submits jobs of three steps, and measures how many are done in a second.
    async fn drain_steps(&self) -> Result<f64> {
        for start in (0..JOBS).step_by(1000) {
            let batch = (start..start + 1000).map(|n| self.scheduler.submit(call!(steps, n = n)));
            self.scheduler.submit_all(batch).await?;
        }
        self.until_drained().await
    }

    /// Submits graphs of four nodes, and measures how many nodes are done in a second, and then how long it takes from one node of a chain to the next, in milliseconds.
    async fn drain_graphs(&self) -> Result<(f64, f64)> {
        let node = |name: &str, n: u64| GraphNode::new(name, call!(nothing, n = n));
        for n in 0..GRAPHS {
            let graph = self.scheduler.graph().node(node("first", n));
            let graph = graph.node(node("left", n).after(["first"]));
            let graph = graph.node(node("right", n).after(["first"]));
            graph.node(node("last", n).after(["left", "right"])).await?;
        }
        self.done.0.store(0, Ordering::Relaxed);
        let began = Instant::now();
        self.scheduler.start(&self.executor)?;
        let running = "SELECT COUNT(*) AS count FROM tasks_job_graphs WHERE state = 2";
        while count(&self.database, running).await? > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let nodes = self.done.0.load(Ordering::Relaxed);
        ensure!(nodes == 4 * GRAPHS, "{nodes} nodes ran");
        let rate = nodes as f64 / began.elapsed().as_secs_f64();
        let mut chain = self.scheduler.graph().node(node("n0", 0));
        for n in 1..CHAIN {
            let after = format!("n{}", n - 1);
            chain = chain.node(node(&format!("n{n}"), n).after([after]));
        }
        let began = Instant::now();
        let chain = chain.await?;
        self.scheduler
            .wait_for_graph(chain.id, Duration::from_secs(60))
            .await?;
        Ok((rate, began.elapsed().as_secs_f64() * 1000.0 / CHAIN as f64))
    }

    /// Submits at once, and measures how long it takes until all are done.
    async fn drain(&self) -> Result<(f64, f64)> {
        let began = Instant::now();
        for start in (0..JOBS).step_by(1000) {
            let batch = (start..start + 1000).map(|n| self.scheduler.submit(call!(nothing, n = n)));
            self.scheduler.submit_all(batch).await?;
        }
        let submitted = JOBS as f64 / began.elapsed().as_secs_f64();
        Ok((submitted, self.until_drained().await?))
    }

    /// Runs the jobs that wait. Gives how many of them in a second.
    async fn until_drained(&self) -> Result<f64> {
        self.done.0.store(0, Ordering::Relaxed);
        let began = Instant::now();
        self.scheduler.start(&self.executor)?;
        while self.done.0.load(Ordering::Relaxed) < JOBS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        while self.are_any_left().await? {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(JOBS as f64 / began.elapsed().as_secs_f64())
    }

    /// By the small indexes: to count all jobs would be work, too.
    async fn are_any_left(&self) -> Result<bool> {
        const LEFT: &str = "SELECT (SELECT COUNT(*) FROM tasks_jobs WHERE state = 1 AND crashes < 2 AND by_name = 0) \
             + (SELECT COUNT(*) FROM tasks_jobs WHERE state <> 3 AND CASE state WHEN 0 THEN 1 ELSE state END = 2) AS count";
        Ok(count(&self.database, LEFT).await? > 0)
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

/// What was measured of a queue.
struct Figures {
    /// Jobs run and finished per second.
    drained: f64,
    /// Jobs submitted per second, 1,000 at once.
    submitted: f64,
    /// Jobs submitted per second, one after the other.
    single: f64,
    /// From before a submission until the code runs, in milliseconds: half of them, and all but one in a hundred.
    start: [f64; 2],
}

async fn measure(test: &TestDatabase, kept: u64) -> Result<Figures> {
    let before = World::new(test.url()).await?;
    before.keep(kept).await?;
    // They are there for long: what it takes to write them is over.
    before.database.close().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let world = World::new(test.url()).await?;
    let (submitted, drained) = world.drain().await?;
    let latencies = world.latencies().await?;
    let at = |share: f64| {
        let place = ((latencies.len() - 1) as f64 * share) as usize;
        latencies[place].as_secs_f64() * 1000.0
    };
    let start = [at(0.5), at(0.99)];
    world.scheduler.shutdown().await;
    // Nobody runs them: what a submission costs by itself.
    world.scheduler.attach(&world.executor);
    let began = Instant::now();
    for _ in 0..SINGLE {
        world.scheduler.submit(call!(now)).await?;
    }
    Ok(Figures {
        drained,
        submitted,
        single: SINGLE as f64 / began.elapsed().as_secs_f64(),
        start,
    })
}

/// Of each figure by itself.
fn median(runs: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(figure).collect();
        all.sort_unstable_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Figures {
        drained: of(|run| run.drained),
        submitted: of(|run| run.submitted),
        single: of(|run| run.single),
        start: [of(|run| run.start[0]), of(|run| run.start[1])],
    }
}

/// Another queue, in a process of its own, with a database of its own.
fn measure_peer(program: &str, queue: &str, test: &TestDatabase) -> Result<Figures> {
    let output = Command::new(program)
        .args([queue, test.url()])
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{queue}: {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let numbers = text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<Vec<f64>, _>>()?;
    let [drained, submitted, single, p50, p99] = numbers[..] else {
        bail!("{queue} printed {text}");
    };
    Ok(Figures {
        drained,
        submitted,
        single,
        start: [p50, p99],
    })
}

/// How many jobs of three steps are done in a second.
async fn measure_steps(make: fn() -> TestDatabase) -> Result<f64> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let test = make();
        let world = World::new(test.url()).await?;
        runs.push(world.drain_steps().await?);
        world.scheduler.shutdown().await;
    }
    runs.sort_unstable_by(f64::total_cmp);
    Ok(runs[runs.len() / 2])
}

/// How many nodes of graphs are done in a second, and how long it takes from one to the next.
async fn measure_graphs(make: fn() -> TestDatabase) -> Result<(f64, f64)> {
    let (mut rates, mut hops) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let test = make();
        let world = World::new(test.url()).await?;
        let (rate, hop) = world.drain_graphs().await?;
        rates.push(rate);
        hops.push(hop);
        world.scheduler.shutdown().await;
    }
    rates.sort_unstable_by(f64::total_cmp);
    hops.sort_unstable_by(f64::total_cmp);
    Ok((rates[RUNS / 2], hops[RUNS / 2]))
}

/// How many jobs are done in a second while very many wait, with keys and without.
async fn measure_waiting(make: fn() -> TestDatabase) -> Result<[f64; 2]> {
    let mut figures = Vec::new();
    for with_keys in [true, false] {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            let test = make();
            let world = World::new(test.url()).await?;
            runs.push(world.drain_waiting(with_keys).await?);
            world.scheduler.shutdown().await;
        }
        runs.sort_unstable_by(f64::total_cmp);
        figures.push(runs[RUNS / 2]);
    }
    Ok([figures[0], figures[1]])
}

async fn show_keys() -> Result<()> {
    for (name, make) in [
        ("SQLite", TestDatabase::sqlite as fn() -> TestDatabase),
        ("PostgreSQL", TestDatabase::postgres),
    ] {
        let [keys, none] = measure_waiting(make).await?;
        println!(
            "\nWhile {} jobs wait with {name}, {} are done in a second with {} keys of two jobs at once, and {} without keys: a ratio of {:.2}.",
            grouped(WAITING as f64),
            grouped(keys),
            grouped(KEYS as f64),
            grouped(none),
            keys / none,
        );
    }
    Ok(())
}

/// How much of one CPU this process takes while its workers have nothing to do, in per mille.
async fn idle(test: &TestDatabase) -> Result<f64> {
    const TIME: Duration = Duration::from_secs(20);
    let world = World::new(test.url()).await?;
    world.scheduler.start(&world.executor)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = cpu_time()?;
    tokio::time::sleep(TIME).await;
    let spent = cpu_time()?.saturating_sub(before);
    world.scheduler.shutdown().await;
    Ok(spent.as_secs_f64() / TIME.as_secs_f64() * 1000.0)
}

/// The CPU time of all threads of this process.
fn cpu_time() -> Result<Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        // One that has ended meanwhile has nothing more to say.
        let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let first = text.split_whitespace().next().unwrap_or_default();
        nanoseconds += first.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn row(name: &str, kept: &str, figures: &Figures, ours: &Figures) {
    let Figures {
        drained,
        submitted,
        single,
        start: [p50, p99],
    } = figures;
    println!(
        "| {name} | {kept} | {} | {:.2} | {} | {} | {} | {} |",
        grouped(*drained),
        drained / ours.drained,
        grouped(*submitted),
        grouped(*single),
        milliseconds(*p50),
        milliseconds(*p99),
    );
}

/// With commas between the thousands.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Nothing of what was not measured.
fn milliseconds(number: f64) -> String {
    if number.is_nan() {
        return String::new();
    }
    format!("{number:.1}")
}

/// Prints the rows of a database: ours, and those of the other queues on it.
async fn compare(
    name: &str,
    make: fn() -> TestDatabase,
    program: Option<&str>,
    peers: &[&str],
) -> Result<()> {
    let (mut few, mut many) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        few.push(measure(&make(), 1_000).await?);
        many.push(measure(&make(), 200_000).await?);
    }
    let (ours, full) = (median(&few), median(&many));
    row(&format!("tasks, {name}"), "1,000", &ours, &ours);
    row(&format!("tasks, {name}"), "200,000", &full, &ours);
    let Some(program) = program else {
        return Ok(());
    };
    for peer in peers {
        let runs = (0..RUNS).map(|_| measure_peer(program, peer, &make()));
        let runs = runs.collect::<Result<Vec<_>>>()?;
        row(peer, "0", &median(&runs), &ours);
    }
    Ok(())
}

/// Where DBOS is: its Python, and the program for that.
struct Dbos {
    python: String,
    program: String,
}

/// What DBOS does in a second: workflows that do nothing, those of three steps, and those from a queue. The medians.
fn measure_dbos(dbos: &Dbos) -> Result<[f64; 3]> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let test = TestDatabase::postgres();
        let output = Command::new(&dbos.python)
            .args([dbos.program.as_str(), test.url()])
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run {}", dbos.python))?;
        ensure!(output.status.success(), "DBOS: {}", output.status);
        let text = String::from_utf8(output.stdout)?;
        let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
        let numbers: Vec<f64> = numbers?;
        let numbers: [f64; 3] = numbers
            .try_into()
            .map_err(|_| anyhow::anyhow!("DBOS printed {text}"))?;
        runs.push(numbers);
    }
    let of = |place: usize| {
        let mut all: Vec<f64> = runs.iter().map(|run| run[place]).collect();
        all.sort_unstable_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Ok([of(0), of(1), of(2)])
}

async fn show_steps(dbos: Option<&Dbos>) -> Result<()> {
    let sqlite = measure_steps(TestDatabase::sqlite).await?;
    let postgres = measure_steps(TestDatabase::postgres).await?;
    println!(
        "\nOf jobs with three durable steps, {} are done in a second with SQLite, and {} with PostgreSQL.",
        grouped(sqlite),
        grouped(postgres),
    );
    let Some(dbos) = dbos else {
        return Ok(());
    };
    let [empty, steps, queued] = measure_dbos(dbos)?;
    println!(
        "DBOS on the same PostgreSQL: {} workflows that do nothing, {} with three steps, and {} of those from a queue, so {:.3} and {:.3} times as many.",
        grouped(empty),
        grouped(steps),
        grouped(queued),
        steps / postgres,
        queued / postgres,
    );
    Ok(())
}

/// Prints the tables. The arguments are the program of the other queues, and the Python of DBOS with its program; or `keys` or `steps`, for that part alone.
#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next();
    let dbos = match (arguments.next(), arguments.next()) {
        (Some(python), Some(program)) => Some(Dbos { python, program }),
        _ => None,
    };
    match program.as_deref() {
        Some("keys") => return show_keys().await,
        Some("steps") => return show_steps(dbos.as_ref()).await,
        _ => {}
    }
    println!(
        "| queue | finished jobs kept | drained per second | as a ratio | submitted per second, 1,000 at once | \
         submitted per second, one by one | start p50, ms | start p99, ms |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let program = program.as_deref();
    compare("SQLite", TestDatabase::sqlite, program, &["apalis-sqlite"]).await?;
    let peers = ["graphile_worker", "graphile_worker-local-queue"];
    compare("PostgreSQL", TestDatabase::postgres, program, &peers).await?;
    show_steps(dbos.as_ref()).await?;
    let (sqlite, sqlite_hop) = measure_graphs(TestDatabase::sqlite).await?;
    let (postgres, postgres_hop) = measure_graphs(TestDatabase::postgres).await?;
    println!(
        "\nOf graphs of four nodes, {} nodes are done in a second with SQLite, and {} with PostgreSQL; a chain goes from one node to the next in {sqlite_hop:.1} and {postgres_hop:.1} ms.",
        grouped(sqlite),
        grouped(postgres),
    );
    show_keys().await?;
    let [sqlite, postgres] = [
        idle(&TestDatabase::sqlite()).await?,
        idle(&TestDatabase::postgres()).await?,
    ];
    println!(
        "\nA process whose workers have nothing to do takes {sqlite:.1} ‰ of one CPU with SQLite, {postgres:.1} ‰ with PostgreSQL."
    );
    Ok(())
}
