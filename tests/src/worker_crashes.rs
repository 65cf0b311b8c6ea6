//! Kills and pauses the processes that run jobs, and compares what was promised with what there is.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use rand::RngExt as _;
use rustix::process::Signal;
use serde_json::{Value, json};
use tasks_web::Database;
use tasks_web::with_conn;

use crate::databases::count;
use crate::http;
use crate::postgres::Postgres;
use crate::process::Server;
use crate::proxy::Proxy;

/// What is done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many jobs are submitted.
    pub jobs: u64,
    /// How often a process is killed or paused.
    pub kills: u64,
    /// How many processes there are at once.
    pub processes: usize,
    /// Which share of the kills are pauses instead.
    pub pauses: f64,
    /// Which share of the other kills are asked for with SIGTERM instead, as in a rolling deploy. When all of them are, no job may count a
    /// crash, and none is submitted that kills its process.
    pub terminations: f64,
    /// How often PostgreSQL itself is killed.
    pub database_kills: u64,
    /// How often all connections to PostgreSQL are cut, in the middle of what they do.
    pub cuts: u64,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Submissions that were acknowledged.
    pub acknowledged: u64,
    /// Processes that were killed.
    pub killed: u64,
    /// Processes that were asked to end, and did.
    pub terminated: u64,
    /// Processes that died of the job that kills them.
    pub poisoned: u64,
    /// Processes that were paused for longer than their lease.
    pub paused: u64,
    /// How often the database was killed.
    pub database_killed: u64,
    /// How often all connections to the database were cut.
    pub cuts: u64,
    /// Effects beyond the first one of a job, of tasks that promise at least one.
    pub repeats: u64,
    /// Jobs with an effect that is exactly one.
    pub exact: u64,
    /// Graphs that were acknowledged, each of whose nodes ran once.
    pub graphs: u64,
    /// How long it took after the last kill until nothing was left.
    pub settled: Duration,
    /// How long all of it took.
    pub took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} submissions acknowledged, {} of them graphs, {} kills, {} ends by SIGTERM, {} deaths of a poison job, {} pauses, {} kills of the database, {} cuts of all connections: none lost, none stuck; {} of them exactly \
             once, {} repeats of the others; settled {:.1} s after the last kill; {:.0} s in all",
            self.acknowledged,
            self.graphs,
            self.killed,
            self.terminated,
            self.poisoned,
            self.paused,
            self.database_killed,
            self.cuts,
            self.exact,
            self.repeats,
            self.settled.as_secs_f64(),
            self.took.as_secs_f64(),
        )
    }
}

/// How many jobs each process runs at once.
const CONCURRENCY: u64 = 16;
/// How many processes may die of the poison job: what the program says of it.
const POISON_LIMIT: i64 = 4;

/// The processes, some of them dead at the moment.
struct Fleet {
    program: std::path::PathBuf,
    url: String,
    slots: Mutex<Vec<Option<Server>>>,
    /// Where tasks lock files: one for each key.
    locks: tempfile::TempDir,
    /// Whether processes have the lease of production: where none dies, nothing waits for the end of one.
    default_lease: bool,
}

impl Fleet {
    fn start(&self) -> Result<Server> {
        let lease = if self.default_lease { "" } else { "2" };
        let environment = [
            ("LEASE", lease),
            ("LOCKS", self.locks.path().to_str().unwrap_or_default()),
            ("DATABASE_URL", self.url.as_str()),
            // The kills are random, and not the fault of a job.
            ("CRASH_LIMIT", "1000"),
            ("LOG_LEVEL", "error"),
        ];
        Server::start_program(&self.program, environment)
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Option<Server>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a process for a place. A database that has just come back may need a moment, and one that is given a poison
    /// job at once does not get far.
    async fn start_patiently(&self) -> Result<Server> {
        let mut started = self.start();
        for _ in 0..20 {
            if started.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            started = self.start();
        }
        started
    }

    /// Starts those again that died by themselves. Gives how many.
    async fn revive(&self) -> Result<u64> {
        let mut revived = 0;
        let places = self.slots().len();
        for place in 0..places {
            let dead = match &mut self.slots()[place] {
                Some(server) => server.wait(Duration::ZERO)?.is_some(),
                None => false,
            };
            if dead {
                let started = self.start_patiently().await?;
                self.slots()[place] = Some(started);
                revived += 1;
            }
        }
        Ok(revived)
    }

    fn any_url(&self) -> Option<String> {
        let slots = self.slots();
        let alive: Vec<&Server> = slots.iter().flatten().collect();
        if alive.is_empty() {
            return None;
        }
        let chosen = rand::rng().random_range(0..alive.len());
        Some(alive[chosen].base_url())
    }
}

/// How long a plan may take, for each job and each kill of it, beside a minute and a half for its beginning and its end.
const TIME_PER_JOB: Duration = Duration::from_millis(100);
const TIME_PER_KILL: Duration = Duration::from_secs(6);

/// Runs a plan.
///
/// # Errors
///
/// When a promise was broken, and which; and when it takes too long.
pub async fn run(
    program: &Path,
    url: &str,
    postgres: Option<&mut Postgres>,
    plan: &Plan,
) -> Result<Report> {
    let limit = Duration::from_secs(90)
        + TIME_PER_JOB.saturating_mul(u32::try_from(plan.jobs)?)
        + TIME_PER_KILL.saturating_mul(u32::try_from(plan.kills)?);
    let whole = run_without_limit(program, url, postgres, plan);
    tokio::time::timeout(limit, whole)
        .await
        .with_context(|| format!("it was not over after {} s", limit.as_secs()))?
}

async fn run_without_limit(
    program: &Path,
    url: &str,
    mut postgres: Option<&mut Postgres>,
    plan: &Plan,
) -> Result<Report> {
    let began = Instant::now();
    let proxy = match postgres.as_deref() {
        Some(postgres) => Some(Proxy::start(postgres.port()).await?),
        None => None,
    };
    let road = match (postgres.as_deref(), &proxy) {
        (Some(postgres), Some(proxy)) => {
            let port = |port: u16| format!(":{port}/");
            url.replacen(&port(postgres.port()), &port(proxy.port()), 1)
        }
        _ => url.to_owned(),
    };
    ensure!(
        proxy.is_none() || road != url,
        "{url} does not lead to the proxy"
    );
    let only_terminations = plan.terminations >= 1.0 && plan.pauses <= 0.0;
    let fleet = Arc::new(Fleet {
        program: program.to_owned(),
        url: road,
        slots: Mutex::new(Vec::new()),
        locks: tempfile::tempdir()?,
        default_lease: only_terminations,
    });
    for _ in 0..plan.processes {
        let server = fleet.start()?;
        fleet.slots().push(Some(server));
    }
    let settled = Arc::new(AtomicBool::new(false));
    let watch = tokio::spawn({
        let (url, settled) = (url.to_owned(), Arc::clone(&settled));
        async move {
            let database = Database::from_url(&url).connect().await?;
            watch_limits(&database, &settled).await
        }
    });
    let mut report = Report::default();
    let acknowledged: Arc<Mutex<HashMap<String, &'static str>>> = Arc::default();
    let submitted = Arc::new(AtomicU64::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for _ in 0..8 {
        let (fleet, acknowledged, submitted, over, jobs) = (
            Arc::clone(&fleet),
            Arc::clone(&acknowledged),
            Arc::clone(&submitted),
            Arc::clone(&over),
            plan.jobs,
        );
        clients.push(tokio::spawn(async move {
            let client = http::client()?;
            while submitted.load(Ordering::SeqCst) < jobs && !over.load(Ordering::SeqCst) {
                let Some(url) = fleet.any_url() else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                let (task, milliseconds) = {
                    let mut random = rand::rng();
                    // A graph is seven jobs.
                    let tasks = [
                        "effect", "effect", "exact", "exact", "stepped", "stepped", GRAPH, "keyed",
                        "keyed", "parent",
                    ];
                    let task = tasks[random.random_range(0..tasks.len())];
                    (task, random.random_range(0..20))
                };
                let request = if task == GRAPH {
                    let request = client.post(format!("{url}/api/v1/graphs"));
                    request.json(&graph(milliseconds))
                } else {
                    let request = client.post(format!("{url}/api/v1/tasks/{task}/$submit"));
                    request.json(&json!({"params": {"milliseconds": milliseconds}}))
                };
                let request = request.timeout(Duration::from_secs(10));
                let Ok(response) = request.send().await else {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    continue;
                };
                let status = response.status();
                let Ok(job) = response.json::<Value>().await else {
                    continue;
                };
                if status.as_u16() == 202 {
                    let id = job["id"].as_str().context("a job has an id")?.to_owned();
                    {
                        let mut known = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
                        ensure!(known.insert(id.clone(), task).is_none(), "an id came twice");
                    }
                    submitted.fetch_add(1, Ordering::SeqCst);
                    if task == "stepped" {
                        send_event(&client, &fleet, &id, &over).await;
                    }
                }
            }
            anyhow::Ok(())
        }));
    }

    let poison = (!only_terminations).then(|| {
        tokio::spawn(poison(
            Arc::clone(&fleet),
            Arc::clone(&submitted),
            plan.jobs / 2,
        ))
    });

    // Spread over the time that the submissions take.
    let mut database_kills = plan.database_kills;
    while report.killed + report.terminated + report.paused < plan.kills {
        let done = report.killed + report.terminated + report.paused;
        let pace = submitted.load(Ordering::SeqCst) * plan.kills / plan.jobs.max(1);
        let wait = if pace > done { 30..120 } else { 60..250 };
        let wait = Duration::from_millis(rand::rng().random_range(wait));
        tokio::time::sleep(wait).await;
        report.poisoned += fleet.revive().await?;
        if let Some(proxy) = &proxy
            && done * plan.cuts > report.cuts * plan.kills
        {
            proxy.cut();
            report.cuts += 1;
        }
        let slot = rand::rng().random_range(0..plan.processes);
        let Some(mut server) = fleet.slots()[slot].take() else {
            bail!("a process is missing");
        };
        // Longer than its lease: if there are others, they take its jobs.
        if rand::rng().random_bool(plan.pauses) {
            server.signal(Signal::STOP)?;
            tokio::time::sleep(Duration::from_millis(4500)).await;
            server.signal(Signal::CONT)?;
            report.paused += 1;
            fleet.slots()[slot] = Some(server);
            continue;
        }
        if rand::rng().random_bool(plan.terminations) {
            server.signal(Signal::TERM)?;
            // Connections of clients are closed once they are idle, and no job takes long.
            let ended = server.wait(Duration::from_secs(40))?;
            if ended.is_some_and(|status| status.success()) {
                report.terminated += 1;
            } else {
                // The job that kills its process may be among those that it waits for.
                ensure!(
                    !only_terminations && ended.is_some(),
                    "a process that was asked to end did not: {ended:?}\n{}",
                    server.output()
                );
                report.killed += 1;
            }
        } else {
            server.signal(Signal::KILL)?;
            server.wait(Duration::from_secs(10))?;
            report.killed += 1;
        }
        drop(server);
        if database_kills > 0
            && done * (plan.database_kills + 1) / plan.kills.max(1)
                > plan.database_kills - database_kills
            && let Some(postgres) = postgres.as_deref_mut()
        {
            database_kills -= 1;
            postgres.kill()?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            postgres.start_again()?;
            report.database_killed += 1;
        }
        let started = fleet.start_patiently().await?;
        fleet.slots()[slot] = Some(started);
    }
    let last_kill = Instant::now();
    // The job that kills its process may take all of them, now that none is killed any more.
    while !clients.iter().all(tokio::task::JoinHandle::is_finished) {
        report.poisoned += fleet.revive().await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for client in clients {
        client.await??;
    }
    over.store(true, Ordering::SeqCst);
    let poison = match poison {
        Some(poison) => {
            while !poison.is_finished() {
                report.poisoned += fleet.revive().await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Some(poison.await??)
        }
        None => None,
    };

    let database = Database::from_url(url).connect().await?;
    let acknowledged =
        std::mem::take(&mut *acknowledged.lock().unwrap_or_else(PoisonError::into_inner));
    report.acknowledged = acknowledged.len() as u64;
    let mut reminded = HashSet::new();
    loop {
        let left = count(
            &database,
            "SELECT (SELECT COUNT(*) FROM tasks_jobs WHERE state < 3) + (SELECT COUNT(*) FROM tasks_job_graphs WHERE state < 3) AS count",
        )
        .await?;
        if left == 0 {
            break;
        }
        report.poisoned += fleet.revive().await?;
        // Jobs whose submission was never answered wait for their events as well.
        let waiting = "SELECT id AS job, CAST(0 AS BIGINT) AS count FROM tasks_jobs WHERE state < 3 AND task_name = 'stepped'";
        for id in rows(&database, waiting).await?.keys() {
            if !acknowledged.contains_key(id) && !reminded.contains(id) {
                send_event(&http::client()?, &fleet, id, &AtomicBool::new(false)).await;
                reminded.insert(id.clone());
            }
        }
        if last_kill.elapsed() > Duration::from_secs(120) {
            let states = rows(&database, "SELECT state || ' ' || COALESCE(worker, '-') AS job, COUNT(*) AS count FROM tasks_jobs WHERE state < 3 GROUP BY 1").await?;
            let graphs = rows(&database, "SELECT g.id || ' ' || n.name || ' ' || n.state AS job, CAST(g.stop AS BIGINT) AS count FROM tasks_job_graphs g JOIN tasks_job_graph_nodes n ON n.graph_id = g.id WHERE g.state < 3").await?;
            bail!("{left} jobs and graphs are stuck: {states:?} {graphs:?}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    report.settled = last_kill.elapsed();
    settled.store(true, Ordering::SeqCst);
    ensure!(watch.await?? > 0, "nobody has watched the limits");
    let at_once = plan.processes as u64 * CONCURRENCY;
    let in_flight = (report.killed + report.poisoned + report.paused) * CONCURRENCY
        + (report.database_killed * 2 + report.cuts) * at_once;
    check(&database, &acknowledged, &mut report).await?;
    let crashed = "SELECT COUNT(*) AS count FROM tasks_jobs WHERE crashes > 0";
    ensure!(
        !only_terminations || count(&database, crashed).await? == 0,
        "jobs of processes that ended in order count crashes"
    );
    let poison = poison.unwrap_or_default();
    let stopped = format!(
        "SELECT COUNT(*) AS count FROM tasks_jobs WHERE id = '{poison}' AND state = 4 AND error_type = 'crash' \
         AND crashes = {POISON_LIMIT}"
    );
    ensure!(
        only_terminations || count(&database, &stopped).await? == 1,
        "the job that kills its process did not end at its limit"
    );
    ensure!(
        report.repeats <= in_flight,
        "{} repeats, and at most {in_flight} attempts were in flight when something was killed",
        report.repeats
    );
    report.took = began.elapsed();
    Ok(report)
}

/// Looks again and again whether more jobs of the limited task run than it allows, by what is stored, until that is over. Gives how often it looked.
async fn watch_limits(database: &Database, over: &AtomicBool) -> Result<u64> {
    const RUNNING: &str = "SELECT concurrency_key AS job, COUNT(*) AS count FROM tasks_jobs \
                           WHERE state = 2 AND task_name = 'keyed' GROUP BY concurrency_key";
    let mut looks = 0;
    while !over.load(Ordering::SeqCst) {
        // The database may be killed, and connections be cut.
        if let Ok(running) = rows(database, RUNNING).await {
            let most = running.values().max().copied().unwrap_or_default();
            let all: i64 = running.values().sum();
            ensure!(most <= 1 && all <= 6, "limits are not kept: {running:?}");
            looks += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(looks)
}

/// What is submitted as a graph, among the names of tasks.
const GRAPH: &str = "graph";

/// A graph whose nodes run one after the other and side by side.
fn graph(milliseconds: u64) -> Value {
    let node = |after: &[&str]| {
        let mut node = json!({"task": "graph_step", "params": {"milliseconds": milliseconds}});
        if let [first, rest @ ..] = after {
            let rest: Vec<Value> = rest.iter().map(|name| json!({"node": name})).collect();
            node["inputs"] = json!({"earlier": {"node": first}});
            node["after"] = rest.into();
        }
        node
    };
    let mut each = node(&[]);
    each["params"] = json!({});
    each["for_each"] = json!([milliseconds, 0, milliseconds]);
    each["each"] = json!({"milliseconds": ""});
    each["after"] = json!([{"node": "first"}]);
    json!({"nodes": {
        "first": node(&[]),
        "left": node(&["first"]),
        "right": node(&["first"]),
        "each": each,
        "last": node(&["left", "right", "each"]),
    }})
}

/// Sends the event that a job waits for, until that is acknowledged: it may be sent more than once then, and is taken once.
async fn send_event(client: &reqwest::Client, fleet: &Fleet, id: &str, over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        if let Some(url) = fleet.any_url() {
            let request = client
                .post(format!("{url}/api/v1/jobs/{id}/$event/go"))
                .timeout(Duration::from_secs(10))
                .json(&json!(7));
            if let Ok(response) = request.send().await
                && matches!(response.status().as_u16(), 202 | 409)
            {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Submits the job that kills its process, once so many others were. Gives its id.
async fn poison(fleet: Arc<Fleet>, submitted: Arc<AtomicU64>, after: u64) -> Result<String> {
    let client = http::client()?;
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if submitted.load(Ordering::SeqCst) < after {
            continue;
        }
        let Some(url) = fleet.any_url() else {
            continue;
        };
        // A submission whose answer was lost is the same job when it is sent again.
        let request = client
            .post(format!("{url}/api/v1/tasks/limited_poison/$submit"))
            .timeout(Duration::from_secs(10))
            .header("idempotency-key", "poison")
            .json(&json!({"params": {}}));
        let Ok(response) = request.send().await else {
            continue;
        };
        if response.status().is_success()
            && let Ok(job) = response.json::<Value>().await
        {
            return Ok(job["id"].as_str().context("a job has an id")?.to_owned());
        }
    }
}

#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    job: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn rows(database: &Database, sql: &str) -> Result<HashMap<String, i64>> {
    let rows: Vec<Row> = database
        .session()
        .read(async |conn| {
            with_conn!(conn, |conn| tasks_web::database::RunQueryDsl::load(
                diesel::sql_query(sql),
                conn
            )
            .await)
        })
        .await?;
    Ok(rows.into_iter().map(|row| (row.job, row.count)).collect())
}

async fn check(
    database: &Database,
    acknowledged: &HashMap<String, &'static str>,
    report: &mut Report,
) -> Result<()> {
    let states = rows(
        database,
        "SELECT id AS job, CAST(state AS BIGINT) AS count FROM tasks_jobs",
    )
    .await?;
    let effects = rows(
        database,
        "SELECT job, COUNT(*) AS count FROM effects GROUP BY job",
    )
    .await?;
    let exact = rows(
        database,
        "SELECT job, COUNT(*) AS count FROM exact_effects GROUP BY job",
    )
    .await?;
    let steps = rows(
        database,
        "SELECT job, COUNT(*) AS count FROM step_effects GROUP BY job",
    )
    .await?;
    // Each of them has an effect of its own, which is there once.
    let children = rows(
        database,
        "SELECT parent_id AS job, COUNT(*) AS count FROM tasks_job_origins o JOIN exact_effects e ON e.job = o.job_id \
         WHERE parent_id IS NOT NULL GROUP BY parent_id",
    )
    .await?;
    let more = children.values().find(|own| **own != 2);
    ensure!(more.is_none(), "a job has {more:?} children");
    let replaced = "SELECT COUNT(*) AS count FROM step_effects e JOIN tasks_jobs j ON j.id = e.job \
                    WHERE j.result <> '\"' || e.value || '\"'";
    let replaced = count(database, replaced).await?;
    ensure!(replaced == 0, "results of {replaced} steps were replaced");
    let graphs = rows(
        database,
        "SELECT id AS job, CAST(state AS BIGINT) AS count FROM tasks_job_graphs",
    )
    .await?;
    let double_runs = count(database, "SELECT COUNT(*) AS count FROM double_runs").await?;
    let double_runs = double_runs.unsigned_abs();
    // One that goes on after a pause does not know yet that its jobs are those of others.
    ensure!(
        double_runs <= report.paused * CONCURRENCY,
        "{double_runs} jobs ran beside others with the same key"
    );
    let unequal = "SELECT (SELECT COUNT(*) FROM tasks_jobs WHERE task_name = 'graph_step') \
                   - (SELECT COUNT(DISTINCT job_id) FROM tasks_job_graph_nodes) \
                   - (SELECT COUNT(DISTINCT job_id) FROM tasks_job_graph_items) AS count";
    let unequal = count(database, unequal).await?;
    ensure!(
        unequal == 0,
        "there are {unequal} more jobs than nodes of graphs"
    );
    let without = "SELECT (SELECT COUNT(*) FROM tasks_job_graph_nodes n WHERE n.state <> 3 OR (n.for_each IS NULL \
                   AND NOT EXISTS (SELECT 1 FROM exact_effects e WHERE e.job = n.job_id))) \
                   + (SELECT COUNT(*) FROM tasks_job_graph_items i WHERE i.state <> 3 \
                   OR NOT EXISTS (SELECT 1 FROM exact_effects e WHERE e.job = i.job_id)) AS count";
    let without = count(database, without).await?;
    ensure!(
        without == 0,
        "{without} nodes of graphs are not completed, or have no effect"
    );
    for (id, task) in acknowledged {
        if *task == GRAPH {
            let state = graphs.get(id);
            ensure!(state == Some(&3), "graph {id} ended in state {state:?}");
            report.graphs += 1;
            continue;
        }
        match states.get(id) {
            None => bail!("job {id} was acknowledged, and is not there"),
            Some(3) => {}
            Some(state) => bail!("job {id} ended in state {state}"),
        }
        if *task == "parent" {
            let own = children.get(id).copied().unwrap_or_default();
            ensure!(own == 2, "job {id} has {own} children");
            report.exact += 1;
        } else if *task != "effect" {
            let of_task = if *task == "stepped" { &steps } else { &exact };
            let times = of_task.get(id).copied().unwrap_or_default();
            ensure!(times == 1, "the effect of job {id} is there {times} times");
            report.exact += 1;
        } else {
            let times = effects.get(id).copied().unwrap_or_default();
            ensure!(times >= 1, "job {id} is completed, and has no effect");
            report.repeats += times.unsigned_abs() - 1;
        }
    }
    // What was stored and never acknowledged is done as well, and no more often.
    let mut effects = exact.iter().chain(&steps);
    if let Some((id, times)) = effects.find(|(_, times)| **times != 1) {
        bail!("the effect of job {id} is there {times} times");
    }
    Ok(())
}
