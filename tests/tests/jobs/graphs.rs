//! Graphs: jobs that come after one another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_tests::databases::{TestDatabase, count};
use tasks_tests::on_all_databases;
use tasks_web::jobs::{
    Graph, GraphNode, GraphNodeStatus, GraphRecord, GraphStatus, JobError, JobStatus, Jobs,
    OnFailure, Scheduler, each, from,
};
use tasks_web::prelude::*;
use tasks_web::{Permanent, TaskFn, testing};

use crate::world::{LONG, eventually};

/// What ran, in order.
#[derive(Clone, Default, Injectable)]
struct Ledger(Arc<Mutex<Vec<String>>>);

impl Ledger {
    fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Extracted {
    rows: Vec<i64>,
    /// Digits that no other type of numbers keeps.
    exact: u64,
}

#[task(register = false)]
async fn extract(ledger: Ledger, most: i64) -> Extracted {
    ledger.write("extract");
    Extracted {
        rows: (1..=most).collect(),
        exact: u64::MAX,
    }
}

#[task(register = false)]
async fn total(ledger: Ledger, rows: Vec<i64>, #[task(default = 0)] plus: i64) -> i64 {
    ledger.write("total");
    rows.iter().sum::<i64>() + plus
}

#[task(register = false)]
async fn keep(value: u64) -> u64 {
    value
}

/// Notes that it ran.
#[task(register = false)]
async fn step(ledger: Ledger, name: String, fails: bool) -> anyhow::Result<String> {
    ledger.write(name.clone());
    if fails {
        return Err(anyhow::Error::new(Permanent::msg("as it was told")));
    }
    Ok(name)
}

/// Fails as long as its file is not there.
#[task(register = false)]
async fn fails_until(ledger: Ledger, name: String) -> anyhow::Result<()> {
    ledger.write(name.clone());
    if ledger.lines().contains(&format!("mend {name}")) {
        return Ok(());
    }
    Err(anyhow::Error::new(Permanent::msg("it is broken")))
}

#[task(register = false)]
async fn lasts(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

#[task(register = false)]
async fn unlocks(#[task(secret)] password: String, name: Option<String>) -> Option<String> {
    let _ = password;
    name
}

#[task(register = false, unique = "params")]
async fn once(day: u32) -> u32 {
    day
}

#[task(register = false, unique = "params")]
async fn long_once(day: u32) -> u32 {
    tokio::time::sleep(Duration::from_secs(2)).await;
    day
}

/// Submits a graph in a transaction, which is undone if that is wanted.
#[task(register = false)]
async fn submits(session: Session, scheduler: Scheduler, undo: bool) -> anyhow::Result<String> {
    let graph = scheduler.graph().node(named("only", false));
    let stored: anyhow::Result<String> = session
        .transaction(async |tx| {
            let graph = graph.within(tx).await?;
            anyhow::ensure!(!undo, "nothing is kept");
            Ok(graph.id.to_string())
        })
        .await;
    Ok(stored.unwrap_or_else(|error| error.to_string()))
}

fn named(name: &str, fails: bool) -> GraphNode {
    GraphNode::new(name, call!(step, name = name, fails = fails))
}

fn all_tasks() -> Vec<TaskFn> {
    vec![
        task(extract),
        task(total),
        task(keep),
        task(step),
        task(fails_until),
        task(lasts),
        task(unlocks),
        task(once),
        task(long_once),
        task(submits),
    ]
}

struct World {
    scheduler: Scheduler,
    database: Database,
    ledger: Ledger,
    _test: TestDatabase,
}

async fn process(
    test: &TestDatabase,
    jobs: Jobs,
    tasks: Vec<TaskFn>,
    ledger: &Ledger,
) -> (Scheduler, Database) {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let scheduler = Scheduler::new(&database, jobs);
    let executor = testing::executor(tasks)
        .provide(scheduler.clone())
        .provide(database.clone())
        .provide(ledger.clone())
        .build()
        .unwrap();
    scheduler.start(&executor).unwrap();
    (scheduler, database)
}

impl World {
    async fn new(test: TestDatabase) -> Self {
        Self::with(test, Jobs::new()).await
    }

    async fn with(test: TestDatabase, jobs: Jobs) -> Self {
        let ledger = Ledger::default();
        let (scheduler, database) = process(&test, jobs, all_tasks(), &ledger).await;
        Self {
            scheduler,
            database,
            ledger,
            _test: test,
        }
    }

    async fn ended(&self, graph: Graph) -> GraphRecord {
        let graph = graph.await.unwrap();
        self.scheduler.wait_for_graph(graph.id, LONG).await.unwrap()
    }

    async fn result<T: serde::de::DeserializeOwned>(&self, graph: &GraphRecord, node: &str) -> T {
        let job = graph.node(node).unwrap().job_id.unwrap();
        self.scheduler.result(job).await.unwrap()
    }
}

/// How the nodes of a graph are.
fn statuses(graph: &GraphRecord) -> BTreeMap<&str, GraphNodeStatus> {
    graph
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node.status))
        .collect()
}

async fn results_flow_from_node_to_node(test: TestDatabase) {
    let world = World::new(test).await;
    let graph = world
        .scheduler
        .graph()
        .description("sums")
        .submitted_by("ada")
        .node(GraphNode::new(
            "total",
            call!(total, rows = from("extract", "/rows")),
        ))
        .node(GraphNode::new("extract", call!(extract, most = 4)))
        .node(GraphNode::new(
            "exact",
            call!(keep, value = from("extract", "/exact")),
        ))
        .node(
            GraphNode::named("again", "total", serde_json::json!({"rows": [1]}))
                .input("plus", from("total", "")),
        )
        .node(named("last", false).after(["again", "exact"]));
    let graph = world.ended(graph).await;
    assert_eq!(graph.status, GraphStatus::Completed, "{graph:?}");
    assert_eq!(graph.description.as_deref(), Some("sums"));
    assert!(graph.finished_at.is_some() && graph.reason.is_none());
    assert_eq!(graph.counts.completed, 5);
    assert_eq!(world.result::<i64>(&graph, "total").await, 10);
    assert_eq!(world.result::<u64>(&graph, "exact").await, u64::MAX);
    assert_eq!(world.result::<i64>(&graph, "again").await, 11);
    let lines = world.ledger.lines();
    assert_eq!(lines, ["extract", "total", "total", "last"]);
    // What other nodes made is among the parameters of the job, which is one like others.
    let job = graph.node("total").unwrap().job_id.unwrap();
    let job = world.scheduler.get(job).await.unwrap().unwrap();
    assert_eq!(job.params.as_str(), r#"{"rows":[1,2,3,4]}"#);
    assert_eq!(job.submitted_by.as_deref(), Some("ada"));
    let after = &graph.node("total").unwrap().after;
    assert_eq!(
        (after[0].node.as_str(), after[0].on_failure),
        ("extract", OnFailure::Fail)
    );
    let listed = world.scheduler.list_graphs(None, None, 10).await.unwrap();
    assert_eq!((listed.len(), listed[0].id), (1, graph.id));
    assert_eq!((listed[0].counts.completed, listed[0].nodes.len()), (5, 0));
    let running = Some(GraphStatus::Running);
    let listed = world.scheduler.list_graphs(running, None, 10).await;
    assert_eq!(listed.unwrap(), []);
    world.scheduler.shutdown().await;
}

async fn what_does_not_fit_is_said_and_not_stored(test: TestDatabase) {
    let world = World::new(test).await;
    let refused = async |graph: Graph| match graph.await {
        Err(JobError::Invalid(errors)) => errors
            .into_iter()
            .map(|error| format!("{}: {}", error.pointer, error.detail))
            .collect::<Vec<_>>(),
        other => vec![format!("{other:?}")],
    };
    let graph = || world.scheduler.graph();
    let extract = || GraphNode::new("extract", call!(extract, most = 4));
    assert_eq!(
        refused(graph()).await,
        ["/nodes: has 0 nodes, and 1 to 1000 are allowed"]
    );
    let found = refused(
        graph()
            .node(named("a", false).after(["b"]))
            .node(named("b", false).after(["c"]))
            .node(named("c", false).after(["a"]))
            .node(named("d", false).after(["a"])),
    );
    assert_eq!(
        found.await,
        ["/nodes: come after one another in a circle: a, b, c"]
    );
    let found = refused(
        graph()
            .node(extract())
            .node(named("twice", false))
            .node(named("twice", false))
            .node(named("self", false).after(["self"]))
            .node(named("not a name", false))
            .node(named("typo", false).after(["extrct"]))
            .node(GraphNode::new("wrong", call!(step, name = 1, fails = true)))
            .node(named("queued", false).queue("nowhere")),
    );
    assert_eq!(
        found.await,
        [
            "/nodes/self/after: comes after itself",
            "/nodes/not a name: cannot be the name of a node: it has 1 to 64 letters, digits, `_` and `-`",
            "/nodes/typo/after: there is no node `extrct`; did you mean `extract`?",
            "/nodes/wrong/params/name: invalid type: integer `1`, expected a string",
            "/nodes/queued/queue: `nowhere` is not a queue of this service, so nobody would run it: there are default",
            "/nodes/twice: is the name of two nodes",
        ]
    );
    let found = refused(
        graph()
            .node(extract())
            .node(GraphNode::new(
                "a",
                call!(total, rows = from("extract", "/row")),
            ))
            .node(GraphNode::new(
                "b",
                call!(total, rows = from("extract", "/exact")),
            ))
            .node(GraphNode::new(
                "c",
                call!(total, rows = from("extract", "rows")),
            ))
            .node(
                GraphNode::new("d", call!(total, rows = from("extract", "/rows")))
                    .after_any_end(["extract"]),
            ),
    );
    assert_eq!(
        found.await,
        [
            "/nodes/a/params/rows: cannot be what `extract` comes to: its result has no `/row`: there are exact, rows",
            "/nodes/b/params/rows: cannot be what `extract` comes to: it is integer, and the parameter takes array",
            "/nodes/c/params/rows: is no JSON Pointer: one is empty or begins with `/`",
            "/nodes/d/params/rows: is needed, and comes from `extract`, which need not have completed: give it a default, or let it be an `Option`",
        ]
    );
    let nested = serde_json::json!({"rows": [from("extract", "")]});
    let found = refused(
        graph()
            .node(extract())
            .node(GraphNode::named("n", "total", nested)),
    );
    assert_eq!(
        found.await,
        ["/nodes/n/params: has `from(…)` within an argument: it stands for a whole one"]
    );
    let twice = GraphNode::new("n", call!(total, rows = from("extract", "/rows")));
    let twice = twice.input("rows", from("extract", "/rows"));
    let twice = twice.input("sum", from("extract", "/exact"));
    let found = refused(graph().node(extract()).node(twice));
    assert_eq!(
        found.await,
        [
            "/nodes/n/inputs: has one parameter twice",
            "/nodes/n/params/sum: task `total` has no parameter of this name",
        ]
    );
    let unknown = graph().node(GraphNode::named("n", "extrakt", ())).await;
    let unknown = unknown.unwrap_err().to_string();
    assert!(unknown.contains("did you mean `extract`?"), "{unknown}");
    for table in ["tasks_jobs", "tasks_job_graphs", "tasks_job_graph_nodes"] {
        let rows = format!("SELECT COUNT(*) AS count FROM {table}");
        assert_eq!(count(&world.database, &rows).await.unwrap(), 0);
    }
    world.scheduler.shutdown().await;
}

async fn a_failure_means_what_was_said(test: TestDatabase) {
    use GraphNodeStatus::{Canceled, Completed, Failed, Skipped};
    let world = World::new(test).await;
    let graph = world
        .scheduler
        .graph()
        .node(named("bad", true))
        .node(named("good", false))
        .node(named("skipped", false).after_or(OnFailure::Skip, ["bad"]))
        .node(named("follows", false).after(["skipped"]))
        .node(named("runs", false).after_any_end(["bad", "follows"]))
        .node(named("any", false).after(["bad", "good"]).wait_for_any())
        .node(
            GraphNode::new(
                "lacks",
                call!(unlocks, password = "x", name = from("bad", "")),
            )
            .after_any_end(["bad"]),
        );
    let graph = world.ended(graph).await;
    assert_eq!(graph.status, GraphStatus::Completed, "{graph:?}");
    let expected = BTreeMap::from([
        ("bad", Failed),
        ("good", Completed),
        ("skipped", Skipped),
        ("follows", Skipped),
        ("runs", Completed),
        ("any", Completed),
        ("lacks", Completed),
    ]);
    assert_eq!(statuses(&graph), expected);
    assert_eq!(world.result::<Option<String>>(&graph, "lacks").await, None);
    // By default the graph fails: what waits does not begin, what runs goes on.
    let graph = world
        .scheduler
        .graph()
        .node(named("bad", true))
        .node(GraphNode::new("lasts", call!(lasts, milliseconds = 1500)))
        .node(named("later", false).delay(Duration::from_secs(3600)))
        .node(named("after", false).after(["bad"]))
        .node(named("last", false).after(["lasts"]));
    let graph = world.ended(graph).await;
    assert_eq!(graph.status, GraphStatus::Failed, "{graph:?}");
    let reason = graph.reason.as_deref().unwrap();
    assert!(reason.contains("a node has failed"), "{reason}");
    let expected = BTreeMap::from([
        ("bad", Failed),
        ("lasts", Completed),
        ("later", Canceled),
        ("after", Canceled),
        ("last", Canceled),
    ]);
    assert_eq!(statuses(&graph), expected);
    // Nobody comes after it, so nobody could make up for it.
    let graph = world.scheduler.graph().node(named("bad", true));
    let graph = world.ended(graph.node(named("good", false))).await;
    assert_eq!(graph.status, GraphStatus::Failed);
    assert_eq!(graph.reason, None);
    world.scheduler.shutdown().await;
}

async fn arguments_are_checked_when_they_are_there(test: TestDatabase) {
    let world = World::new(test).await;
    let graph = world
        .scheduler
        .graph()
        .node(GraphNode::new("extract", call!(extract, most = 1)))
        .node(GraphNode::new(
            "one",
            call!(keep, value = from("extract", "/rows/0")),
        ))
        .node(GraphNode::new(
            "none",
            call!(keep, value = from("extract", "/rows/1")),
        ))
        .node(GraphNode::new(
            "secret",
            call!(
                unlocks,
                password = "sesame",
                name = from("extract", "/rows/0")
            ),
        ));
    // The schema says of a row what it is: nothing of this kind is stored.
    let error = graph.await.unwrap_err().to_string();
    assert!(
        error.contains("/nodes/secret/params/name: cannot be what `extract` comes to"),
        "{error}"
    );
    let graph = world
        .scheduler
        .graph()
        .node(GraphNode::new("extract", call!(extract, most = 1)))
        .node(GraphNode::new(
            "one",
            call!(keep, value = from("extract", "/rows/0")),
        ))
        .node(GraphNode::new(
            "none",
            call!(keep, value = from("extract", "/rows/1")),
        ));
    let graph = world.ended(graph).await;
    assert_eq!(graph.status, GraphStatus::Failed);
    let none = graph.node("none").unwrap();
    assert_eq!((none.status, none.job_id), (GraphNodeStatus::Failed, None));
    assert_eq!(
        none.error.as_deref(),
        Some("`value` is `/rows/1` of what `extract` came to, which has no such value")
    );
    assert_eq!(world.result::<u64>(&graph, "one").await, 1);
    // A job that is deleted takes its result with it.
    let graph = world
        .scheduler
        .graph()
        .node(GraphNode::new("extract", call!(extract, most = 1)))
        .node(GraphNode::new("lasts", call!(lasts, milliseconds = 1500)))
        .node(
            GraphNode::new("total", call!(total, rows = from("extract", "/rows"))).after(["lasts"]),
        );
    let graph = graph.await.unwrap();
    let extracted = graph.node("extract").unwrap().job_id.unwrap();
    eventually("it has extracted", async || {
        let graph = world.scheduler.get_graph(graph.id).await.unwrap().unwrap();
        graph.node("extract").unwrap().finished_at.is_some()
    })
    .await;
    assert!(world.scheduler.delete(extracted).await.unwrap());
    let graph = world
        .scheduler
        .wait_for_graph(graph.id, LONG)
        .await
        .unwrap();
    assert_eq!(
        graph.node("total").unwrap().error.as_deref(),
        Some("`rows` comes from `extract`, whose job was deleted with its result")
    );
    world.scheduler.shutdown().await;
}

async fn graphs_are_canceled_retried_and_deleted(test: TestDatabase) {
    use GraphNodeStatus::{Canceled, Completed, Failed};
    let world = World::new(test).await;
    let scheduler = &world.scheduler;
    let graph = scheduler
        .graph()
        .node(GraphNode::new("runs", call!(lasts, milliseconds = 60_000)))
        .node(named("waits", false).after(["runs"]))
        .node(named("later", false).delay(Duration::from_secs(3600)))
        .await
        .unwrap();
    let running = graph.node("runs").unwrap().job_id.unwrap();
    eventually("it runs", async || {
        let job = scheduler.get(running).await.unwrap().unwrap();
        job.status == JobStatus::Running
    })
    .await;
    assert!(matches!(
        scheduler.retry_graph(graph.id, None).await,
        Err(JobError::GraphNotEnded(_))
    ));
    scheduler.cancel_graph(graph.id).await.unwrap();
    let ended = scheduler.wait_for_graph(graph.id, LONG).await.unwrap();
    assert_eq!(ended.status, GraphStatus::Canceled);
    assert!(
        ended.nodes.iter().all(|node| node.status == Canceled),
        "{ended:?}"
    );
    // It stays as it is.
    let again = scheduler.cancel_graph(graph.id).await.unwrap();
    assert_eq!(again.finished_at, ended.finished_at);
    assert!(scheduler.delete_graph(graph.id).await.unwrap());
    assert!(!scheduler.delete_graph(graph.id).await.unwrap());
    assert!(scheduler.get_graph(graph.id).await.unwrap().is_none());
    assert!(scheduler.get(running).await.unwrap().is_none());
    assert!(matches!(
        scheduler.cancel_graph(graph.id).await,
        Err(JobError::GraphNotFound(_))
    ));

    // What has completed does not run again; what failed is the same job, and what comes after it has one now.
    let graph = scheduler
        .graph()
        .node(named("first", false))
        .node(GraphNode::new("broken", call!(fails_until, name = "broken")).after(["first"]))
        .node(named("last", false).after(["broken"]));
    let failed = world.ended(graph).await;
    let expected = BTreeMap::from([("first", Completed), ("broken", Failed), ("last", Canceled)]);
    assert_eq!(statuses(&failed), expected);
    world.ledger.write("mend broken");
    let retried = scheduler.retry_graph(failed.id, None).await.unwrap();
    assert_eq!(
        (retried.status, retried.finished_at),
        (GraphStatus::Running, None)
    );
    let ended = scheduler.wait_for_graph(failed.id, LONG).await.unwrap();
    assert_eq!(ended.status, GraphStatus::Completed, "{ended:?}");
    let job = |graph: &GraphRecord, node: &str| graph.node(node).unwrap().job_id.unwrap();
    assert_eq!(job(&failed, "broken"), job(&ended, "broken"));
    let firsts = || {
        world
            .ledger
            .lines()
            .iter()
            .filter(|line| *line == "first")
            .count()
    };
    assert_eq!(firsts(), 1);
    // From a node on, all run again.
    let unknown = scheduler.retry_graph(failed.id, Some("none")).await;
    assert!(matches!(unknown, Err(JobError::GraphNodeNotFound { .. })));
    scheduler
        .retry_graph(failed.id, Some("broken"))
        .await
        .unwrap();
    let again = scheduler.wait_for_graph(failed.id, LONG).await.unwrap();
    assert_eq!(again.status, GraphStatus::Completed, "{again:?}");
    assert_ne!(job(&again, "broken"), job(&ended, "broken"));
    assert_ne!(job(&again, "last"), job(&ended, "last"));
    assert_eq!(job(&again, "first"), job(&ended, "first"));
    assert_eq!(firsts(), 1);
    scheduler.shutdown().await;
}

async fn a_deadline_ends_a_graph(test: TestDatabase) {
    let world = World::new(test).await;
    let graph = world
        .scheduler
        .graph()
        .deadline(Duration::from_secs(2))
        .node(GraphNode::new("slow", call!(lasts, milliseconds = 60_000)))
        .node(named("after", false).after(["slow"]));
    let graph = world.ended(graph).await;
    assert_eq!(graph.status, GraphStatus::Failed);
    assert_eq!(graph.reason.as_deref(), Some("its deadline was over"));
    assert!(
        graph
            .nodes
            .iter()
            .all(|node| node.status == GraphNodeStatus::Canceled)
    );
    let took = graph.finished_at.unwrap() - graph.submitted_at;
    assert!(took.num_milliseconds() >= 2000, "{took}");
    // It has as much time again.
    let retried = world.scheduler.retry_graph(graph.id, None).await.unwrap();
    assert_eq!(retried.status, GraphStatus::Running, "{retried:?}");
    assert!(retried.deadline_at > graph.deadline_at, "{retried:?}");
    eventually("it runs again", async || {
        let graph = world.scheduler.get_graph(graph.id).await.unwrap().unwrap();
        graph.node("slow").unwrap().status == GraphNodeStatus::Running
    })
    .await;
    let again = world
        .scheduler
        .wait_for_graph(graph.id, LONG)
        .await
        .unwrap();
    assert_eq!(again.reason.as_deref(), Some("its deadline was over"));
    assert!(again.finished_at >= retried.deadline_at, "{again:?}");
    world.scheduler.shutdown().await;
}

async fn a_graph_is_part_of_a_transaction(test: TestDatabase) {
    let world = World::new(test).await;
    for (undo, rows) in [(true, 0), (false, 1)] {
        let job = world.scheduler.submit(call!(submits, undo = undo)).await;
        let job = world.scheduler.wait(job.unwrap().id, LONG).await.unwrap();
        let said: String = world.scheduler.result(job.id).await.unwrap();
        let graphs = world.scheduler.list_graphs(None, None, 10).await.unwrap();
        assert_eq!(graphs.len(), rows, "{said}");
        if !undo {
            let id = said.parse().unwrap();
            let graph = world.scheduler.wait_for_graph(id, LONG).await.unwrap();
            assert_eq!(graph.status, GraphStatus::Completed);
        }
    }
    world.scheduler.shutdown().await;
}

async fn a_graph_is_submitted_once(test: TestDatabase) {
    let world = World::new(test).await;
    let scheduler = &world.scheduler;
    let graph = |value: u64, password: &str| {
        scheduler
            .graph()
            .idempotency_key("a day")
            .description("once")
            .deadline(Duration::from_secs(60))
            .node(GraphNode::new("keep", call!(keep, value = value)))
            .node(GraphNode::new("unlock", call!(unlocks, password = password)).after(["keep"]))
    };
    // All at once.
    let all = (0..8).map(|_| graph(7, "a").store());
    let all = futures_util::future::try_join_all(all).await.unwrap();
    assert_eq!(all.iter().filter(|one| !one.replayed).count(), 1, "{all:?}");
    let id = all[0].graph.id;
    assert!(all.iter().all(|one| one.graph.id == id), "{all:?}");
    // And when it has ended.
    scheduler.wait_for_graph(id, LONG).await.unwrap();
    let again = graph(7, "a").store().await.unwrap();
    assert_eq!((again.graph.id, again.replayed), (id, true));
    assert_eq!(again.graph.status, GraphStatus::Completed);
    let rows = count(&world.database, "SELECT COUNT(*) AS count FROM tasks_jobs");
    assert_eq!(rows.await.unwrap(), 2);

    let others = [
        (graph(8, "a"), "parameters"),
        (graph(7, "b"), "parameters"),
        (graph(7, "a").description("twice"), "description"),
        (graph(7, "a").deadline(Duration::from_secs(61)), "deadline"),
        (graph(7, "a").node(named("more", false)), "nodes"),
    ];
    for (other, what) in others {
        let refused = other.await.unwrap_err();
        let expected = format!(
            "the idempotency key `a day` came before with other `{what}`, for graph {id}: send the same again, or another key"
        );
        assert_eq!(refused.to_string(), expected);
    }
    for key in ["", "a\0", &"a".repeat(256)] {
        let refused = graph(7, "a").idempotency_key(key).await.unwrap_err();
        assert!(matches!(refused, JobError::Invalid(_)), "{refused}");
    }
    // The keys of another caller are others.
    let of_another = graph(8, "a").submitted_by("another");
    assert!(!of_another.store().await.unwrap().replayed);
    // Items whose members come in another order are the same.
    let items = |item: &str| {
        let item: serde_json::Value = serde_json::from_str(item).unwrap();
        let call = call!(keep, value = each("/n"));
        let node = GraphNode::new("keep", call).for_each([item]);
        scheduler.graph().idempotency_key("items").node(node)
    };
    let first = items(r#"{"n": 1, "m": {"a": 1, "b": 2}}"#).await.unwrap();
    let again = items(r#"{"m": {"b": 2, "a": 1}, "n": 1}"#).await.unwrap();
    assert_eq!(first.id, again.id);
    let other = items(r#"{"n": 1, "m": {"a": 1, "b": 3}}"#).await;
    assert!(matches!(
        other,
        Err(JobError::GraphKeyReused { other: "nodes", .. })
    ));
    // Another key, and the same one when the graph is gone.
    let second = graph(7, "a").idempotency_key("a night").await.unwrap();
    assert_ne!(second.id, id);
    scheduler.delete_graph(id).await.unwrap();
    let third = graph(8, "a").store().await.unwrap();
    assert!(!third.replayed);

    // A job says what it was made for.
    let job = scheduler
        .wait_for_graph(third.graph.id, LONG)
        .await
        .unwrap();
    let job = job.node("keep").unwrap().job_id.unwrap();
    let lineage = scheduler.lineage(job).await.unwrap();
    let of: Vec<_> = lineage
        .graphs
        .iter()
        .map(|of| (of.graph_id, of.node.as_str(), of.item))
        .collect();
    assert_eq!(of, [(third.graph.id, "keep", None)]);
    let among = |tasks: &[&str]| {
        let tasks: Vec<String> = tasks.iter().map(|task| (*task).to_owned()).collect();
        async move {
            scheduler
                .lineage_among(job, &tasks)
                .await
                .unwrap()
                .graphs
                .len()
        }
    };
    assert_eq!(among(&["keep"]).await, 0);
    assert_eq!(among(&["keep", "unlocks"]).await, 1);
    scheduler.shutdown().await;
}

/// A job that was there before is not the graph's.
async fn a_job_that_others_need_is_left_alone(test: TestDatabase) {
    let world = World::new(test).await;
    let scheduler = &world.scheduler;
    let by_hand = scheduler
        .submit(call!(once, day = 1))
        .delay(Duration::from_secs(3600))
        .await
        .unwrap();
    let graph = scheduler
        .graph()
        .node(GraphNode::new("once", call!(once, day = 1)))
        .node(GraphNode::new("own", call!(once, day = 2)).delay(Duration::from_secs(3600)))
        .await
        .unwrap();
    assert_eq!(graph.node("once").unwrap().job_id, Some(by_hand.id));
    let own = graph.node("own").unwrap().job_id.unwrap();
    scheduler.cancel_graph(graph.id).await.unwrap();
    let status = async |id| scheduler.get(id).await.unwrap().map(|job| job.status);
    assert_eq!(status(by_hand.id).await, Some(JobStatus::Pending));
    assert_eq!(status(own).await, Some(JobStatus::Canceled));
    // The graph does not wait for it.
    let graph = scheduler.get_graph(graph.id).await.unwrap().unwrap();
    assert_eq!(graph.status, GraphStatus::Canceled, "{graph:?}");
    assert!(scheduler.delete_graph(graph.id).await.unwrap());
    assert_eq!(status(by_hand.id).await, Some(JobStatus::Pending));
    assert_eq!(status(own).await, None);
    // One that runs goes on, too.
    let by_hand = scheduler.submit(call!(long_once, day = 3)).await.unwrap();
    eventually("it runs", async || {
        status(by_hand.id).await == Some(JobStatus::Running)
    })
    .await;
    let node = GraphNode::new("once", call!(long_once, day = 3));
    let graph = scheduler.graph().node(node).await.unwrap();
    assert_eq!(graph.node("once").unwrap().job_id, Some(by_hand.id));
    let graph = scheduler.cancel_graph(graph.id).await.unwrap();
    assert_eq!(graph.status, GraphStatus::Canceled, "{graph:?}");
    let done = scheduler.wait(by_hand.id, LONG).await.unwrap();
    assert_eq!(done.status, JobStatus::Completed, "{done:?}");
    // What other graphs have is not forgotten with one.
    let nodes = || GraphNode::new("once", call!(long_once, day = 4));
    let first = scheduler.graph().node(nodes()).await.unwrap();
    let second = scheduler.graph().node(nodes()).await.unwrap();
    let shared = first.node("once").unwrap().job_id.unwrap();
    assert_eq!(second.node("once").unwrap().job_id, Some(shared));
    let second = scheduler.wait_for_graph(second.id, LONG).await.unwrap();
    assert_eq!(second.status, GraphStatus::Completed, "{second:?}");
    assert!(scheduler.delete_graph(first.id).await.unwrap());
    assert_eq!(status(shared).await, Some(JobStatus::Completed));
    scheduler.shutdown().await;
}

/// More nodes than one transaction has begin.
async fn a_wide_graph_runs(test: TestDatabase) {
    let world = World::new(test).await;
    let names: Vec<String> = (0..500).map(|number| format!("n{number}")).collect();
    let mut graph = world.scheduler.graph();
    for name in &names {
        graph = graph.node(GraphNode::new(name, call!(keep, value = 1)));
    }
    let graph = world
        .ended(graph.node(named("last", false).after(&names)))
        .await;
    assert_eq!(graph.status, GraphStatus::Completed);
    assert_eq!(graph.counts.completed, 501);
    assert_eq!(world.ledger.lines(), ["last"]);
    world.scheduler.shutdown().await;
}

/// Nodes that only other processes have tasks for are in nobody's way.
async fn nodes_of_others_hold_up_none(test: TestDatabase) {
    let ledger = Ledger::default();
    let (all, _) = process(&test, Jobs::new().run_workers(false), all_tasks(), &ledger).await;
    let mut graph = all.graph().node(named("first", false));
    let names: Vec<String> = (0..250).map(|number| format!("n{number}")).collect();
    for name in &names {
        let node = GraphNode::new(name, call!(keep, value = 1));
        graph = graph.node(node.after(["first"]));
    }
    // Behind all of those.
    let graph = graph.node(named("own", false).after(["first"]));
    let graph = graph.await.unwrap();
    all.shutdown().await;
    let (one, _) = process(&test, Jobs::new(), vec![task(step)], &ledger).await;
    eventually("its own node has run", async || {
        ledger.lines() == ["first", "own"]
    })
    .await;
    assert!(one.delete_graph(graph.id).await.unwrap());
    one.shutdown().await;
}

/// Whoever has the task of a node makes its job, and whoever submitted the graph need not be there any more.
async fn nodes_go_to_the_processes_that_have_their_tasks(test: TestDatabase) {
    let ledger = Ledger::default();
    let (submitter, _) = process(&test, Jobs::new().run_workers(false), all_tasks(), &ledger).await;
    let graph = submitter
        .graph()
        .node(GraphNode::new("extract", call!(extract, most = 3)))
        .node(GraphNode::new(
            "total",
            call!(total, rows = from("extract", "/rows")),
        ))
        .node(named("last", false).after(["total"]))
        .await
        .unwrap();
    submitter.shutdown().await;
    let (one, _) = process(&test, Jobs::new(), vec![task(extract), task(step)], &ledger).await;
    eventually("one has extracted", async || {
        let graph = one.get_graph(graph.id).await.unwrap().unwrap();
        graph.node("total").unwrap().status == GraphNodeStatus::Pending
    })
    .await;
    let (other, _) = process(&test, Jobs::new(), vec![task(total)], &ledger).await;
    let ended = one.wait_for_graph(graph.id, LONG).await.unwrap();
    assert_eq!(ended.status, GraphStatus::Completed, "{ended:?}");
    assert_eq!(ledger.lines(), ["extract", "total", "last"]);
    one.shutdown().await;
    other.shutdown().await;
}

async fn a_graph_is_forgotten_as_a_whole(test: TestDatabase) {
    let jobs = Jobs::new().retention(Duration::from_secs(4));
    let world = World::with(test, jobs).await;
    let graph = world
        .scheduler
        .graph()
        .node(GraphNode::new("extract", call!(extract, most = 3)))
        .node(GraphNode::new("lasts", call!(lasts, milliseconds = 7000)))
        .node(
            GraphNode::new("total", call!(total, rows = from("extract", "/rows"))).after(["lasts"]),
        );
    let graph = world.ended(graph).await;
    // A result that is older than the others is there as long as the graph may need it.
    assert_eq!(world.result::<i64>(&graph, "total").await, 6);
    eventually("it is gone", async || {
        world.scheduler.get_graph(graph.id).await.unwrap().is_none()
    })
    .await;
    let rows = count(&world.database, "SELECT COUNT(*) AS count FROM tasks_jobs");
    assert_eq!(rows.await.unwrap(), 0);
    world.scheduler.shutdown().await;
}

on_all_databases!(
    results_flow_from_node_to_node,
    what_does_not_fit_is_said_and_not_stored,
    a_failure_means_what_was_said,
    arguments_are_checked_when_they_are_there,
    graphs_are_canceled_retried_and_deleted,
    a_deadline_ends_a_graph,
    a_graph_is_part_of_a_transaction,
    a_graph_is_submitted_once,
    a_job_that_others_need_is_left_alone,
    a_wide_graph_runs,
    nodes_of_others_hold_up_none,
    nodes_go_to_the_processes_that_have_their_tasks,
    a_graph_is_forgotten_as_a_whole,
);
