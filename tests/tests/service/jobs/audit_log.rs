//! Who has changed what.

use super::World;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;
use tasks_web::{ApiKey, ApiKeys, Database, ServiceBuilder};
use tokio::io::AsyncWriteExt as _;

const OPS: &str = "ops-0123456789abcdef";
const MATH: &str = "math-0123456789abcdef";
const WALL: &str = "wall-0123456789abcdef";
const LOG: &str = "/api/v1/audit-log";

async fn world(test: TestDatabase) -> World {
    let keys = ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("math", MATH).tags(["math"]))
        .key(ApiKey::new("wall", WALL).read_only());
    World::new(test, |builder| builder.with_auth(keys)).await
}

fn operations(entries: &Value) -> Vec<&str> {
    let entries = entries.as_array().unwrap().iter();
    entries
        .map(|entry| entry["operation"].as_str().unwrap())
        .collect()
}

async fn each_change_is_written_down_with_its_key(test: TestDatabase) {
    let world = world(test).await;
    let ask = async |method: Method, path: &str, body: Option<Value>, key: &str| {
        let headers = [("x-api-key", key)];
        world.ask_with(method, path, body, &headers).await
    };
    // Who runs what is said elsewhere.
    let sum = json!({"params": {"a": 1, "b": 2}});
    ask(
        Method::POST,
        "/api/v1/tasks/add/$execute",
        Some(sum.clone()),
        OPS,
    )
    .await;
    let later = json!({"params": {"a": 1, "b": 2}, "delay": 3600});
    let (_, job) = ask(Method::POST, "/api/v1/tasks/add/$submit", Some(later), MATH).await;
    let job = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(ask(Method::GET, LOG, None, OPS).await, (200, json!([])));

    // What is refused has changed nothing.
    let cancel = format!("{job}/$cancel");
    assert_eq!(ask(Method::POST, &cancel, None, WALL).await.0, 403);
    assert_eq!(
        ask(Method::POST, "/api/v1/jobs/nothing/$cancel", None, OPS)
            .await
            .0,
        404
    );
    assert_eq!(
        ask(Method::POST, &cancel, Some(json!({"a": 1})), OPS)
            .await
            .0,
        422
    );

    assert_eq!(ask(Method::POST, &cancel, None, MATH).await.0, 200);
    assert_eq!(ask(Method::DELETE, &job, None, OPS).await.0, 204);
    let schedule = json!({"task_name": "add", "params": {"a": 1, "b": 2}, "interval": 3600});
    let put = ask(Method::PUT, "/api/v1/schedules/hourly", Some(schedule), OPS).await;
    assert_eq!(put.0, 201, "{}", put.1);
    let artifact = json!({"data": 1});
    let (status, _) = ask(Method::POST, "/api/v1/artifacts", Some(artifact), OPS).await;
    assert_eq!(status, 201);

    let (_, entries) = ask(Method::GET, LOG, None, WALL).await;
    assert_eq!(
        operations(&entries),
        [
            "create_artifact",
            "put_schedule",
            "delete_job",
            "cancel_job"
        ]
    );
    let canceled = &entries[3];
    assert_eq!(
        (
            &canceled["key"],
            &canceled["path"],
            &canceled["status"],
            &canceled["address"]
        ),
        (
            &json!("math"),
            &json!(cancel),
            &json!(200),
            &json!("127.0.0.1")
        )
    );
    assert_eq!(canceled["request_id"].as_str().map(str::len), Some(26));
    let at: chrono::DateTime<chrono::Utc> = canceled["at"].as_str().unwrap().parse().unwrap();
    assert!(
        (chrono::Utc::now() - at).num_seconds().abs() < 60,
        "{canceled}"
    );

    for (query, found) in [
        ("key=math", vec!["cancel_job"]),
        ("operation=delete_job", vec!["delete_job"]),
        (&format!("path={job}"), vec!["delete_job"]),
        ("key=ops&operation=cancel_job", vec![]),
        ("key=%00", vec![]),
    ] {
        let (status, entries) = ask(Method::GET, &format!("{LOG}?{query}"), None, OPS).await;
        assert_eq!((status, operations(&entries)), (200, found), "{query}");
    }
    let before = entries[1]["id"].as_str().unwrap();
    let (_, older) = ask(Method::GET, &format!("{LOG}?before={before}"), None, OPS).await;
    assert_eq!(operations(&older), ["delete_job", "cancel_job"]);
    let (status, problem) = ask(Method::GET, &format!("{LOG}?before=x"), None, OPS).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("?before"))
    );
    assert_eq!(ask(Method::GET, LOG, None, MATH).await.0, 403);
    assert_eq!(world.get(LOG).await.0, 401);
    world.service.shutdown().await;
}

async fn old_entries_are_deleted_and_the_rest_has_pages(test: TestDatabase) {
    let url = test.url().to_owned();
    let world = World::new(test, |builder| builder).await;
    let other = Database::from_url(&url).connect().await.unwrap();
    let old = "INSERT INTO tasks_audit_log (id, address, operation, path, status) \
               VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAV', '::1', 'cancel_job', '/', 200)";
    other.session().execute_script(old).await.unwrap();
    // More than a page, and the first of them deletes what is old.
    let id = world
        .submit("add", json!({"params": {"a": 1, "b": 2}, "delay": 3600}))
        .await;
    for _ in 0..101 {
        let path = format!("/api/v1/jobs/{id}/$cancel");
        assert_eq!(world.ask(Method::POST, &path, None).await.0, 200);
    }
    let response = http::client().unwrap().get(world.app.url(LOG));
    let response = response.send().await.unwrap();
    let link = response.headers()["link"].to_str().unwrap().to_owned();
    let newest: Value = response.json().await.unwrap();
    assert_eq!(newest.as_array().unwrap().len(), 100);
    assert_eq!(newest[0]["key"], Value::Null);
    let next = link.trim_start_matches('<').split_once('>').unwrap().0;
    let (_, rest) = world.get(next).await;
    assert_eq!(rest.as_array().unwrap().len(), 1, "{rest}");
    world.service.shutdown().await;
}

async fn a_service_may_have_none(test: TestDatabase) {
    let world = World::new(test, ServiceBuilder::without_audit_log).await;
    let id = world
        .submit("add", json!({"params": {"a": 1, "b": 2}, "delay": 3600}))
        .await;
    let path = format!("/api/v1/jobs/{id}/$cancel");
    assert_eq!(world.ask(Method::POST, &path, None).await.0, 200);
    assert_eq!(world.get(LOG).await.0, 404);
    world.service.shutdown().await;
}

/// A client that goes away while the service works.
async fn what_is_changed_for_a_client_that_is_gone_is_written_down(test: TestDatabase) {
    let world = world(test).await;
    let ops = [("x-api-key", OPS)];
    let later = json!({"params": {"a": 1, "b": 2}, "delay": 3600});
    let address = world.app.url("").replace("http://", "");
    let address = address.trim_end_matches('/').to_owned();
    for number in 0..20 {
        let path = "/api/v1/tasks/add/$submit";
        let (_, job) = world
            .ask_with(Method::POST, path, Some(later.clone()), &ops)
            .await;
        let id = job["id"].as_str().unwrap();
        let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request = format!(
            "POST /api/v1/jobs/{id}/$cancel HTTP/1.1\r\nhost: {address}\r\nx-api-key: {OPS}\r\ncontent-length: 0\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(number * 10)).await;
        socket.set_zero_linger().unwrap();
        drop(socket);
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    let mut equal = 0;
    loop {
        let list = "/api/v1/jobs?status_filter=canceled";
        let (_, canceled) = world.ask_with(Method::GET, list, None, &ops).await;
        let (_, entries) = world.ask_with(Method::GET, LOG, None, &ops).await;
        let (canceled, entries) = (canceled.as_array().unwrap(), entries.as_array().unwrap());
        let is_equal = canceled.len() == entries.len() && !canceled.is_empty();
        equal = if is_equal { equal + 1 } else { 0 };
        // For a second: some may still be under way.
        if equal == 10 {
            break;
        }
        let counts = (canceled.len(), entries.len());
        assert!(std::time::Instant::now() < deadline, "{counts:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.service.shutdown().await;
}

tasks_tests::on_both_databases!(
    what_is_changed_for_a_client_that_is_gone_is_written_down,
    each_change_is_written_down_with_its_key,
    old_entries_are_deleted_and_the_rest_has_pages,
    a_service_may_have_none,
);
