//! Nodes of graphs that run their task for each item of a list.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_tests::databases::{TestDatabase, count};
use tasks_tests::on_all_databases;
use tasks_web::jobs::{
    Graph, GraphNode, GraphNodeStatus, GraphRecord, GraphStatus, JobError, Jobs, Scheduler, each,
    from,
};
use tasks_web::prelude::*;
use tasks_web::{Permanent, testing};

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

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Station {
    code: String,
    height: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Stations {
    stations: Vec<Station>,
}

#[task(register = false)]
async fn list(most: i64) -> Stations {
    let station = |number: i64| Station {
        code: format!("S{number}"),
        height: number,
    };
    Stations {
        stations: (0..most).map(station).collect(),
    }
}

#[task(register = false)]
async fn double(number: i64) -> i64 {
    2 * number
}

#[task(register = false)]
async fn climb(code: String, station: Station, factor: i64) -> i64 {
    assert_eq!(code, station.code);
    factor * station.height
}

#[task(register = false)]
async fn total(numbers: Vec<Option<i64>>) -> i64 {
    numbers.into_iter().flatten().sum()
}

/// Fails for some, until that is mended.
#[task(register = false)]
async fn fragile(ledger: Ledger, number: i64, milliseconds: u64) -> anyhow::Result<i64> {
    ledger.write(format!("fragile {number}"));
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    if number < 0 && !ledger.lines().contains(&"mended".to_owned()) {
        return Err(anyhow::Error::new(Permanent::msg("it is negative")));
    }
    Ok(number)
}

#[task(register = false)]
async fn guards(#[task(secret)] password: String) -> usize {
    password.len()
}

struct World {
    scheduler: Scheduler,
    database: Database,
    ledger: Ledger,
    _test: TestDatabase,
}

impl World {
    async fn new(test: TestDatabase, jobs: Jobs) -> Self {
        let database = Database::from_url(test.url()).connect().await.unwrap();
        let scheduler = Scheduler::new(&database, jobs);
        let ledger = Ledger::default();
        let tasks = [
            task(list),
            task(double),
            task(climb),
            task(total),
            task(fragile),
            task(guards),
        ];
        let executor = testing::executor(tasks)
            .provide(scheduler.clone())
            .provide(ledger.clone())
            .build()
            .unwrap();
        scheduler.start(&executor).unwrap();
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

    async fn result(&self, graph: &GraphRecord, node: &str) -> i64 {
        let job = graph.node(node).unwrap().job_id.unwrap();
        self.scheduler.result(job).await.unwrap()
    }
}

fn fragile_items(numbers: &[i64], milliseconds: u64) -> GraphNode {
    let call = call!(fragile, number = each(""), milliseconds = milliseconds);
    GraphNode::new("fragile", call).for_each(numbers)
}

async fn a_task_runs_for_each_item(test: TestDatabase) {
    let world = World::new(test, Jobs::new()).await;
    let graph = world
        .scheduler
        .graph()
        .node(GraphNode::new("double", call!(double, number = each(""))).for_each(0..250))
        .node(GraphNode::new(
            "total",
            call!(total, numbers = from("double", "")),
        ))
        .node(GraphNode::new("list", call!(list, most = 40)))
        .node(
            GraphNode::new(
                "climb",
                call!(
                    climb,
                    code = each("/code"),
                    station = each(""),
                    factor = from("total", "")
                ),
            )
            .for_each_of(from("list", "/stations")),
        )
        .node(GraphNode::new(
            "heights",
            call!(total, numbers = from("climb", "")),
        ))
        .node(GraphNode::new("none", call!(double, number = each(""))).for_each(Vec::<i64>::new()))
        .node(GraphNode::new(
            "nothing",
            call!(total, numbers = from("none", "")),
        ));
    let graph = world.ended(graph).await;
    assert_eq!(graph.status, GraphStatus::Completed, "{graph:?}");
    let sum: i64 = (0..250).map(|number| 2 * number).sum();
    assert_eq!(world.result(&graph, "total").await, sum);
    let heights: i64 = (0..40).sum();
    assert_eq!(world.result(&graph, "heights").await, sum * heights);
    assert_eq!(world.result(&graph, "nothing").await, 0);
    let node = graph.node("double").unwrap();
    assert_eq!(node.job_id, None);
    let counts = node.items.unwrap();
    assert_eq!(
        (counts.total, counts.completed, counts.open),
        (Some(250), 250, 0)
    );
    assert_eq!(graph.node("none").unwrap().items.unwrap().total, Some(0));
    // They are read page by page, in their order.
    let page = world
        .scheduler
        .graph_items(graph.id, "double", 200, 100)
        .await
        .unwrap();
    assert_eq!(page.len(), 50);
    for (place, item) in page.iter().enumerate() {
        assert_eq!(item.number, 200 + place as u64);
        assert_eq!(item.status, GraphNodeStatus::Completed);
        let result: u64 = world.scheduler.result(item.job_id.unwrap()).await.unwrap();
        assert_eq!(result, 2 * item.number);
    }
    let error = world
        .scheduler
        .graph_items(graph.id, "total", 0, 1)
        .await
        .unwrap_err();
    assert!(
        matches!(error, JobError::GraphNodeNotFound { .. }),
        "{error}"
    );
    // All of it is gone with the graph.
    assert!(world.scheduler.delete_graph(graph.id).await.unwrap());
    for table in ["tasks_jobs", "tasks_job_graph_items", "tasks_job_graphs"] {
        let sql = format!("SELECT COUNT(*) AS count FROM {table}");
        assert_eq!(count(&world.database, &sql).await.unwrap(), 0, "{table}");
    }
    world.scheduler.shutdown().await;
}

async fn more_items_than_run_at_once_are_all_run(test: TestDatabase) {
    let world = World::new(test, Jobs::new().max_concurrency(50)).await;
    let graph = world
        .scheduler
        .graph()
        .node(GraphNode::new("double", call!(double, number = each(""))).for_each(0..2500))
        .node(GraphNode::new(
            "total",
            call!(total, numbers = from("double", "")),
        ));
    let graph = graph.await.unwrap();
    let most = "SELECT COUNT(*) AS count FROM tasks_job_graph_items WHERE state < 3";
    let mut seen = 0;
    while !world
        .scheduler
        .get_graph(graph.id)
        .await
        .unwrap()
        .unwrap()
        .status
        .is_final()
    {
        seen = seen.max(count(&world.database, most).await.unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(seen <= 1000, "{seen}");
    let graph = world.scheduler.get_graph(graph.id).await.unwrap().unwrap();
    let sum: i64 = (0..2500).map(|number| 2 * number).sum();
    assert_eq!(world.result(&graph, "total").await, sum);
    let jobs = "SELECT COUNT(*) AS count FROM tasks_jobs WHERE task_name = 'double'";
    assert_eq!(count(&world.database, jobs).await.unwrap(), 2500);
    world.scheduler.shutdown().await;
}

async fn an_item_that_fails_means_what_was_said(test: TestDatabase) {
    let world = World::new(test, Jobs::new().max_concurrency(2)).await;
    let numbers: Vec<i64> = (0..30)
        .map(|number| if number == 3 { -1 } else { number })
        .collect();
    let graph = world
        .scheduler
        .graph()
        .node(fragile_items(&numbers, 300))
        .node(GraphNode::new(
            "total",
            call!(total, numbers = from("fragile", "")),
        ));
    let graph = world.ended(graph).await;
    assert_eq!(graph.status, GraphStatus::Failed, "{graph:?}");
    let node = graph.node("fragile").unwrap();
    assert_eq!(node.status, GraphNodeStatus::Failed);
    let counts = node.items.unwrap();
    assert_eq!((counts.failed, counts.open), (1, 0), "{counts:?}");
    assert!(counts.canceled > 10, "{counts:?}");
    assert!(world.ledger.lines().len() < 20);
    // What has completed is kept, and the rest has the same jobs again.
    let before = world
        .scheduler
        .graph_items(graph.id, "fragile", 0, 1000)
        .await
        .unwrap();
    world.ledger.write("mended");
    world.scheduler.retry_graph(graph.id, None).await.unwrap();
    let graph = world
        .scheduler
        .wait_for_graph(graph.id, LONG)
        .await
        .unwrap();
    assert_eq!(graph.status, GraphStatus::Completed, "{graph:?}");
    assert_eq!(
        world.result(&graph, "total").await,
        numbers.iter().sum::<i64>()
    );
    let after = world
        .scheduler
        .graph_items(graph.id, "fragile", 0, 1000)
        .await
        .unwrap();
    let jobs = |items: &[tasks_web::jobs::GraphItemRecord]| -> Vec<_> {
        items.iter().map(|item| item.job_id).collect()
    };
    assert_eq!(jobs(&before), jobs(&after)[..before.len()]);
    let lines = world.ledger.lines();
    assert_eq!(lines.iter().filter(|line| **line == "fragile 0").count(), 1);
    // From a node on, all of it runs again.
    world
        .scheduler
        .retry_graph(graph.id, Some("fragile"))
        .await
        .unwrap();
    let graph = world
        .scheduler
        .wait_for_graph(graph.id, LONG)
        .await
        .unwrap();
    assert_eq!(graph.status, GraphStatus::Completed, "{graph:?}");
    let lines = world.ledger.lines();
    assert_eq!(lines.iter().filter(|line| **line == "fragile 0").count(), 2);
    world.scheduler.shutdown().await;
}

async fn items_may_fail_where_that_was_said(test: TestDatabase) {
    let world = World::new(test, Jobs::new()).await;
    let graph = world
        .scheduler
        .graph()
        .node(fragile_items(&[1, -2, 3, -4, 5], 1).continue_on_failure())
        .node(GraphNode::new(
            "total",
            call!(total, numbers = from("fragile", "")),
        ));
    let graph = world.ended(graph).await;
    assert_eq!(graph.status, GraphStatus::Completed, "{graph:?}");
    assert_eq!(world.result(&graph, "total").await, 9);
    let counts = graph.node("fragile").unwrap().items.unwrap();
    assert_eq!((counts.completed, counts.failed), (3, 2));
    // Mended, they alone run again, and what comes after them.
    world.ledger.write("mended".to_owned());
    let total = graph.node("total").unwrap().job_id;
    world.scheduler.retry_graph(graph.id, None).await.unwrap();
    let graph = world.scheduler.wait_for_graph(graph.id, LONG).await;
    let graph = graph.unwrap();
    assert_eq!(graph.status, GraphStatus::Completed, "{graph:?}");
    assert_eq!(world.result(&graph, "total").await, 3);
    assert_ne!(graph.node("total").unwrap().job_id, total);
    let counts = graph.node("fragile").unwrap().items.unwrap();
    assert_eq!((counts.completed, counts.failed), (5, 0));
    let lines = world.ledger.lines();
    let ran = |number: i64| {
        let line = format!("fragile {number}");
        lines.iter().filter(|one| **one == line).count()
    };
    assert_eq!([ran(1), ran(-2), ran(3), ran(-4), ran(5)], [1, 2, 1, 2, 1]);
    // Items of another node that do not fit are no jobs.
    let stations = GraphNode::new("list", call!(list, most = 3));
    let climb = GraphNode::named("climb", "double", ()).input("number", each("/none"));
    let climb = climb.for_each_of(from("list", "/stations"));
    let graph = world
        .scheduler
        .graph()
        .node(stations.clone())
        .node(climb.clone());
    let failed = world.ended(graph).await;
    assert_eq!(failed.status, GraphStatus::Failed);
    let error = failed.node("climb").unwrap().error.clone().unwrap();
    assert!(
        error.contains("item 0") && error.contains("`/none`"),
        "{error}"
    );
    let graph = world
        .scheduler
        .graph()
        .node(stations)
        .node(climb.continue_on_failure());
    let graph = world.ended(graph).await;
    assert_eq!(graph.status, GraphStatus::Completed, "{graph:?}");
    assert_eq!(graph.node("climb").unwrap().items.unwrap().failed, 3);
    world.scheduler.shutdown().await;
}

async fn a_graph_with_items_is_canceled(test: TestDatabase) {
    let world = World::new(test, Jobs::new().max_concurrency(4)).await;
    let numbers: Vec<i64> = (0..3000).collect();
    let graph = world
        .scheduler
        .graph()
        .node(fragile_items(&numbers, 5000))
        .node(GraphNode::new(
            "total",
            call!(total, numbers = from("fragile", "")),
        ));
    let graph = graph.await.unwrap();
    eventually("some run", async || world.ledger.lines().len() == 4).await;
    world.scheduler.cancel_graph(graph.id).await.unwrap();
    let graph = world
        .scheduler
        .wait_for_graph(graph.id, Duration::from_secs(4))
        .await
        .unwrap();
    assert_eq!(graph.status, GraphStatus::Canceled, "{graph:?}");
    let counts = graph.node("fragile").unwrap().items.unwrap();
    assert_eq!((counts.open, counts.completed), (0, 0), "{counts:?}");
    assert_eq!(world.ledger.lines().len(), 4);
    // One that runs is canceled by its deletion.
    let graph = world
        .scheduler
        .graph()
        .node(fragile_items(&numbers, 5000))
        .await
        .unwrap();
    eventually("some run", async || world.ledger.lines().len() >= 8).await;
    assert!(world.scheduler.delete_graph(graph.id).await.unwrap());
    eventually("they are gone", async || {
        let sql = "SELECT COUNT(*) AS count FROM tasks_jobs j WHERE NOT EXISTS \
                   (SELECT 1 FROM tasks_job_graph_items i WHERE i.job_id = j.id)";
        count(&world.database, sql).await.unwrap() == 0
    })
    .await;
    world.scheduler.shutdown().await;
}

async fn items_that_do_not_fit_are_refused(test: TestDatabase) {
    let world = World::new(test, Jobs::new()).await;
    let graph = world
        .scheduler
        .graph()
        .node(GraphNode::new("list", call!(list, most = 3)))
        .node(GraphNode::new("a", call!(double, number = each(""))))
        .node(GraphNode::new("b", call!(double, number = 1)).for_each([1]))
        .node(
            GraphNode::named("c", "double", ())
                .input("number", each(""))
                .for_each(["x"]),
        )
        .node(
            GraphNode::new("d", call!(double, number = each("")))
                .for_each_of(from("list", "/none")),
        )
        .node(GraphNode::new("e", call!(double, number = each(""))).for_each_of(from("nobody", "")))
        .node(GraphNode::new("f", call!(guards, password = each(""))).for_each(["secret"]))
        .node(GraphNode::new("g", call!(double, number = 1)).continue_on_failure())
        .node(
            GraphNode::new("h", call!(double, number = each("")))
                .for_each([1])
                .for_each([2]),
        );
    let JobError::Invalid(errors) = graph.await.unwrap_err() else {
        panic!("another error");
    };
    let pointers: BTreeSet<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    let expected = [
        "/nodes/a/params/number",
        "/nodes/b/for_each",
        "/nodes/c/for_each/0",
        "/nodes/e/after",
        "/nodes/f/params/password",
        "/nodes/g/continue_on_failure",
        "/nodes/h/for_each",
    ];
    assert_eq!(pointers, expected.into(), "{errors:?}");
    assert!(!format!("{errors:?}").contains("\"secret\""), "{errors:?}");
    let graph = world
        .scheduler
        .graph()
        .node(GraphNode::new("list", call!(list, most = 3)))
        .node(
            GraphNode::new("d", call!(double, number = each("")))
                .for_each_of(from("list", "/none")),
        )
        .node(GraphNode::new("i", call!(double, number = each(""))).for_each_of(from("list", "")))
        .node(GraphNode::new("j", call!(double, number = from("d", ""))));
    let JobError::Invalid(errors) = graph.await.unwrap_err() else {
        panic!("another error");
    };
    let pointers: BTreeSet<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    let expected = [
        "/nodes/d/for_each",
        "/nodes/i/for_each",
        "/nodes/j/params/number",
    ];
    assert_eq!(pointers, expected.into(), "{errors:?}");
    world.scheduler.shutdown().await;
}

on_all_databases!(
    a_task_runs_for_each_item,
    more_items_than_run_at_once_are_all_run,
    an_item_that_fails_means_what_was_said,
    items_may_fail_where_that_was_said,
    a_graph_with_items_is_canceled,
    items_that_do_not_fit_are_refused,
);
