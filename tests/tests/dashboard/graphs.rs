//! Graphs of jobs, as they run.

use serde_json::json;

use super::*;

/// Counts slowly.
#[task(register = false)]
async fn count(to: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(100 * to)).await;
    to
}

/// Always fails.
#[task(register = false)]
async fn fail(reason: String) -> Result<(), TaskError> {
    Err(TaskError::msg(reason))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graph_is_watched_and_retried() {
    let registry = TaskRegistry::builder().task(count).task(fail);
    let builder = Service::builder(info())
        .with_tasks(registry.build().unwrap())
        .with_jobs(Jobs::new());
    let page = Dashboard::open(builder, "/graphs").await;
    page.sees("No graph of jobs has been submitted yet.").await;
    let body = json!({"description": "a count that fails", "nodes": {
        "first": {"task": "count", "params": {"to": 80}},
        "broken": {"task": "fail", "params": {"reason": "it is broken"}, "after": [{"node": "first"}]},
        "last": {"task": "count", "params": {"to": 1}, "after": [{"node": "broken"}]},
        "all the same": {"task": "count", "params": {"to": 1}},
    }});
    let url = page.app.url("/api/v1/graphs");
    let (status, problem) = tasks_tests::http::post(&url, &body).await.unwrap();
    assert_eq!(status, 422, "{problem}");
    let mut body = body;
    let nodes = body["nodes"].as_object_mut().unwrap();
    let all = nodes.remove("all the same").unwrap();
    nodes.insert("beside".to_owned(), all);
    let (status, graph) = tasks_tests::http::post(&url, &body).await.unwrap();
    assert_eq!(status, 202, "{graph}");
    page.click_text("a count that fails").await;
    page.css(".graph svg .running").await;
    page.css(".graph svg .waiting").await;
    // By itself.
    page.sees("It has stopped: a node has failed").await;
    for class in ["completed", "failed", "canceled"] {
        page.css(&format!(".graph svg .{class}")).await;
    }
    page.sees("4 of 4").await;
    page.click("Run again from here: first").await;
    page.css(".graph svg .running").await;
    page.sees("It has stopped: a node has failed").await;
    page.click("Retry what has not completed").await;
    page.sees("It has stopped: a node has failed").await;
    page.click_text("broken").await;
    page.sees("it is broken").await;
    page.sees("Node of the graph").await;
    page.sees("broken of").await;
    page.goto("/graphs?status=failed").await;
    page.text("a count that fails").await;
    page.goto("/graphs?status=running").await;
    page.sees("No graph fits the filter.").await;
    page.close().await;
}
