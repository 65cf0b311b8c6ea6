//! Three tools for all tasks, and the choice of some.

use serde_json::json;
use tasks_web::mcp::Mcp;
use tasks_web::prelude::*;

use super::world::{World, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_leads_to_all_tasks() {
    let world = World::with(Mcp::new().catalog()).await;
    let client = world.client();
    assert_eq!(
        client.names().await,
        [
            "search_tasks",
            "describe_task",
            "run_task",
            "jobs_get",
            "jobs_cancel",
            "jobs_logs"
        ]
    );
    let found = client
        .call("search_tasks", json!({"query": "a lamp, switched"}))
        .await;
    assert!(
        text(&found).starts_with("- find_lamp: Finds a lamp."),
        "{found}"
    );
    assert_eq!(
        found["structuredContent"]["tasks"][1]["name"],
        "switch_lamps"
    );
    let all = client.call("search_tasks", json!({})).await;
    assert_eq!(all["structuredContent"]["total"], 13);
    let none = client.call("search_tasks", json!({"query": "zebra"})).await;
    assert!(text(&none).starts_with("No task has these words"), "{none}");
    let page = client
        .call("describe_task", json!({"name": "background"}))
        .await;
    let definition = &page["structuredContent"];
    assert_eq!(
        definition["inputSchema"]["required"],
        json!(["milliseconds"])
    );
    assert!(definition["inputSchema"]["properties"]["idempotency_key"].is_object());
    assert!(
        definition["description"]
            .as_str()
            .unwrap()
            .contains("background job"),
        "{page}"
    );
    let lamp = client
        .call(
            "run_task",
            json!({"name": "find_lamp", "arguments": {"name": "kitchen"}}),
        )
        .await;
    assert_eq!(lamp["structuredContent"]["on"], true);
    // Models send the object as a text.
    let lamp = client
        .call(
            "run_task",
            json!({"name": "find_lamp", "arguments": "{\"name\": \"kitchen\"}"}),
        )
        .await;
    assert_eq!(lamp["structuredContent"]["on"], true);
    let wrong = client
        .call(
            "run_task",
            json!({"name": "find_lamp", "arguments": {"name": 1}}),
        )
        .await;
    assert!(text(&wrong).contains("/name"), "{wrong}");
    for (arguments, words) in [
        (json!({"name": "find_lamps"}), "did you mean `find_lamp`"),
        (json!({"name": "hidden"}), "there is no task `hidden`"),
        (json!({"name": "jobs_get"}), "there is no task `jobs_get`"),
        (json!({}), "`name` is the name of a task"),
        (
            json!({"name": "find_lamp", "query": "x"}),
            "`query` is no argument of this tool: arguments of the task go into `arguments`",
        ),
        (
            json!({"name": "find_lamp", "arguments": [1]}),
            "`arguments` is an object",
        ),
    ] {
        let result = client.call("run_task", arguments).await;
        assert_eq!(result["isError"], true);
        assert!(text(&result).contains(words), "{words}: {result}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_choose_the_tools() {
    let world = World::with(Mcp::new().tags(["lamps", "slow"])).await;
    let client = world.client();
    assert_eq!(
        client.names().await,
        [
            "approve",
            "approve_twice",
            "background",
            "find_lamp",
            "large_job",
            "only_one",
            "slow",
            "switch_lamps",
            "jobs_get",
            "jobs_cancel",
            "jobs_logs"
        ]
    );
    let answer = client.send("tools/call", json!({"name": "word"})).await;
    assert_eq!(answer.error().1, -32602);
    // Over HTTP it is there as before.
    assert!(world.service.executor().registry().has("word"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_tools_are_an_error() {
    let registry = |count: usize| {
        let tasks = (0..count).map(|number| format!("task_{number}"));
        let builder = tasks.fold(TaskRegistry::builder(), |builder, name| {
            builder.task(task(one_of_many).named(name))
        });
        builder.build().unwrap()
    };
    let service = |count: usize| {
        Service::builder(ServiceInfo::new("many", "Many")).with_tasks(registry(count))
    };
    let error = service(129)
        .with_mcp()
        .build()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("129 tasks are tools for agents") && error.contains("Mcp::catalog"),
        "{error}"
    );
    assert!(service(128).with_mcp().build().await.is_ok());
    assert!(
        service(129)
            .with_mcp_settings(Mcp::new().max_tools(200))
            .build()
            .await
            .is_ok()
    );
    let world = World::of(service(1_000).with_mcp_settings(Mcp::new().catalog())).await;
    assert_eq!(world.client().names().await.len(), 3);
    let world = World::of(service(1_000).with_mcp_settings(Mcp::new().max_tools(1_000))).await;
    let answer = world.client().send("tools/list", json!({})).await;
    assert_eq!(answer.result()["tools"].as_array().unwrap().len(), 1_000);
    assert_eq!(answer.result().get("nextCursor"), None);
}

/// One of many.
#[task(register = false)]
async fn one_of_many() {}
