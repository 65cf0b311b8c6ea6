//! Graphs of jobs over HTTP.

use super::*;
use tasks_web::{ApiKey, ApiKeys};

const GRAPHS: &str = "/api/v1/graphs";

async fn a_graph_with_a_key_is_submitted_once(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let body = |b: i64| {
        json!({"nodes": {
            "first": {"task": "add", "params": {"a": 1, "b": b}},
            "second": {"task": "add", "params": {"a": 1}, "inputs": {"b": {"node": "first"}}},
        }})
    };
    let key = [("idempotency-key", "a-day")];
    let (_, first) = world
        .ask_with(Method::POST, GRAPHS, Some(body(2)), &key)
        .await;
    let (status, again) = world
        .ask_with(Method::POST, GRAPHS, Some(body(2)), &key)
        .await;
    assert_eq!((status, &again["id"]), (202, &first["id"]), "{again}");
    let url = world.app.url(GRAPHS);
    let replayed = http::client().unwrap().post(&url).json(&body(2));
    let replayed = replayed.header("idempotency-key", "a-day").send().await;
    assert_eq!(
        replayed
            .unwrap()
            .headers()
            .get("idempotent-replayed")
            .unwrap(),
        "true"
    );
    let (status, problem) = world
        .ask_with(Method::POST, GRAPHS, Some(body(3)), &key)
        .await;
    assert_eq!(status, 422, "{problem}");
    let code = problem["type"].as_str().unwrap();
    assert!(code.ends_with("idempotency-key"), "{problem}");
    let (status, problem) = world
        .ask_with(
            Method::POST,
            GRAPHS,
            Some(body(2)),
            &[("idempotency-key", "a day")],
        )
        .await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/idempotency_key")),
        "{problem}"
    );
    // What takes no key refuses it.
    let cancel = format!("{GRAPHS}/{}/$cancel", first["id"].as_str().unwrap());
    let (status, problem) = world.ask_with(Method::POST, &cancel, None, &key).await;
    assert_eq!(status, 422, "{problem}");
    let done = until(&world, &first["id"], "completed").await;
    let job = done["nodes"][0]["job_id"].as_str().unwrap();
    let (_, lineage) = world.get(&format!("/api/v1/jobs/{job}/$lineage")).await;
    assert_eq!(
        lineage["graphs"],
        json!([{"graph_id": first["id"], "node": "first", "item": null}])
    );
}

async fn until(world: &World, id: &Value, status: &str) -> Value {
    let path = format!("{GRAPHS}/{}", id.as_str().unwrap());
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, found) = world.get(&path).await;
        if found["status"] == status {
            return found;
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn a_graph_is_submitted_and_looked_at(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let body = json!({
        "description": "sums of sums",
        "deadline": "1h",
        "nodes": {
            "second": {
                "task": "add",
                "params": {"b": 10},
                "inputs": {"a": {"node": "first"}},
                "after": [{"node": "other", "on_failure": "run"}],
                "priority": 3,
            },
            "first": {"task": "add", "params": {"a": 1, "b": 2}},
            "other": {"task": "add", "params": {"a": 1, "b": 1}, "description": "beside"},
        },
    });
    let (status, graph) = world.ask(Method::POST, GRAPHS, Some(body)).await;
    assert_eq!(status, 202, "{graph}");
    let names: Vec<&Value> = graph["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| &node["name"])
        .collect();
    assert_eq!(names, ["second", "first", "other"]);
    let done = until(&world, &graph["id"], "completed").await;
    assert_eq!(done["counts"]["completed"], 3, "{done}");
    let second = &done["nodes"][0];
    assert_eq!(
        second["after"],
        json!([{"node": "first", "on_failure": "fail"}, {"node": "other", "on_failure": "run"}])
    );
    let job = second["job_id"].as_str().unwrap();
    let (_, result) = world.get(&format!("/api/v1/jobs/{job}/$result")).await;
    assert_eq!(result["result"], 13, "{result}");
    let (_, listed) = world
        .get(&format!("{GRAPHS}?status_filter=completed"))
        .await;
    assert_eq!(listed[0]["id"], graph["id"], "{listed}");
    assert_eq!(listed[0].get("nodes"), None);
    let id = graph["id"].as_str().unwrap();
    // From a node on, and as a whole only when it has ended.
    let retry = format!("{GRAPHS}/{id}/$retry");
    let (status, again) = world
        .ask(Method::POST, &retry, Some(json!({"from": "second"})))
        .await;
    assert_eq!(
        (status, &again["status"]),
        (202, &json!("running")),
        "{again}"
    );
    let again = until(&world, &graph["id"], "completed").await;
    assert_ne!(again["nodes"][0]["job_id"], second["job_id"]);
    assert_eq!(again["nodes"][1]["job_id"], done["nodes"][1]["job_id"]);
    let (status, _) = world
        .ask(Method::POST, &retry, Some(json!({"from": "third"})))
        .await;
    assert_eq!(status, 404);
    let path = format!("{GRAPHS}/{id}");
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, 204);
    let (status, problem) = world.get(&path).await;
    assert_eq!(status, 404);
    let kind = problem["type"].as_str().unwrap();
    assert!(kind.ends_with("unknown-graph"), "{problem}");
    let (_, jobs) = world.get("/api/v1/jobs?task=add").await;
    // The job that ran before, which nothing belongs to any more, is kept as any other.
    assert_eq!(jobs.as_array().unwrap().len(), 1, "{jobs}");
    world.service.shutdown().await;
}

async fn what_is_wrong_with_a_graph_is_said(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let add = json!({"task": "add", "params": {"a": 1, "b": 2}});
    for (nodes, status, at) in [
        (json!({}), 422, "/nodes"),
        (json!([]), 422, "/nodes"),
        (
            json!({"a": {"task": "add", "params": {"a": 1}}}),
            422,
            "/nodes/a/params/b",
        ),
        (
            json!({"a": add, "b": {"task": "add", "params": {"a": 1, "b": 2}, "after": [{"node": "c"}]}}),
            422,
            "/nodes/b/after",
        ),
        (
            json!({"a": {"task": "add", "params": {"a": 1}, "inputs": {"b": {"node": "a"}}}}),
            422,
            "/nodes/a/after",
        ),
        (json!({"a": {"task": "add", "parms": {}}}), 422, ""),
        (json!({"a": {"task": "ad"}}), 404, ""),
    ] {
        let body = json!({"nodes": nodes});
        let (found, problem) = world.ask(Method::POST, GRAPHS, Some(body)).await;
        assert_eq!(found, status, "{nodes}: {problem}");
        if !at.is_empty() {
            assert_eq!(problem["errors"][0]["pointer"], at, "{problem}");
        }
    }
    assert_eq!(world.get(GRAPHS).await.1, json!([]));
    let (status, problem) = world.get(&format!("{GRAPHS}?status_filter=over")).await;
    assert_eq!(status, 422, "{problem}");
    world.service.shutdown().await;
}

async fn a_limited_key_reaches_graphs_of_its_tasks(test: TestDatabase) {
    const ADMIN: &str = "admin-0123456789abcdef";
    const SLOW: &str = "slow-0123456789abcdef";
    let keys = ApiKeys::new()
        .key(ApiKey::new("admin", ADMIN))
        .key(ApiKey::new("slow", SLOW).tags(["slow"]));
    let world = World::new(test, |builder| builder.with_auth(keys)).await;
    let ask = async |method: Method, path: &str, body: Option<Value>, key: &str| {
        world
            .ask_with(method, path, body, &[("x-api-key", key)])
            .await
    };
    let mixed = json!({"nodes": {
        "a": {"task": "add", "params": {"a": 1, "b": 2}},
        "b": {"task": "add_later", "params": {"a": 1}},
    }});
    let own = json!({"nodes": {"b": {"task": "add_later", "params": {"a": 1}}}});
    let (status, problem) = ask(Method::POST, GRAPHS, Some(mixed.clone()), SLOW).await;
    assert_eq!(status, 403, "{problem}");
    let (status, mixed) = ask(Method::POST, GRAPHS, Some(mixed), ADMIN).await;
    assert_eq!(
        (status, &mixed["submitted_by"]),
        (202, &json!("admin")),
        "{mixed}"
    );
    let (status, own) = ask(Method::POST, GRAPHS, Some(own), SLOW).await;
    assert_eq!(
        (status, &own["submitted_by"]),
        (202, &json!("slow")),
        "{own}"
    );
    let (_, listed) = ask(Method::GET, GRAPHS, None, SLOW).await;
    let ids: Vec<&Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [&own["id"]]);
    let path =
        |graph: &Value, what: &str| format!("{GRAPHS}/{}{what}", graph["id"].as_str().unwrap());
    for what in ["", "/$stream"] {
        assert_eq!(
            ask(Method::GET, &path(&mixed, what), None, SLOW).await.0,
            403
        );
    }
    for what in ["/$cancel", "/$retry"] {
        assert_eq!(
            ask(Method::POST, &path(&mixed, what), None, SLOW).await.0,
            403
        );
    }
    assert_eq!(
        ask(Method::DELETE, &path(&mixed, ""), None, SLOW).await.0,
        403
    );
    let (status, canceled) = ask(Method::POST, &path(&own, "/$cancel"), None, SLOW).await;
    assert_eq!(status, 200, "{canceled}");
    world.service.shutdown().await;
}

async fn a_graph_is_streamed_to_its_end(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let body = json!({"nodes": {
        "a": {"task": "add", "params": {"a": 1, "b": 2}, "delay": 1},
        "b": {"task": "add", "params": {"b": 2}, "inputs": {"a": {"node": "a", "pointer": ""}}},
    }});
    let (_, graph) = world.ask(Method::POST, GRAPHS, Some(body)).await;
    let path = format!("{GRAPHS}/{}/$stream", graph["id"].as_str().unwrap());
    let stream = http::client().unwrap().get(world.app.url(&path)).send();
    let text = stream.await.unwrap().text().await.unwrap();
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let (first, last) = (events.first().unwrap(), events.last().unwrap());
    assert_eq!(first["counts"]["waiting"], 1, "{text}");
    assert_eq!(last["status"], "completed", "{text}");
    assert!(events.len() >= 2, "{text}");
    world.service.shutdown().await;
}

tasks_tests::on_both_databases!(
    a_graph_is_submitted_and_looked_at,
    a_graph_with_a_key_is_submitted_once,
    what_is_wrong_with_a_graph_is_said,
    a_limited_key_reaches_graphs_of_its_tasks,
    a_graph_is_streamed_to_its_end,
);
