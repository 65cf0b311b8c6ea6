//! Operations on many jobs.

use super::*;
use tasks_web::database::DatabaseError;
use tasks_web::{ApiKey, ApiKeys, Database};

const BULK: &str = "/api/v1/jobs/$bulk";
const COUNT: &str = "/api/v1/jobs/$bulk/$count";
const OPERATIONS: &str = "/api/v1/jobs/$operations";

async fn until(world: &World, operation: &Value, state: &str, key: &str) -> Value {
    let id = operation["id"].as_str().unwrap();
    let path = format!("{OPERATIONS}/{id}");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let headers = [("x-api-key", key)];
        let (_, found) = world.ask_with(Method::GET, &path, None, &headers).await;
        if found["state"] == state {
            return found;
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn jobs_are_canceled_retried_and_deleted(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let mut later = Vec::new();
    for _ in 0..5 {
        let body = json!({"params": {"a": 1, "b": 2}, "delay": 3600});
        later.push(world.submit("add", body).await);
    }
    let kept = world.submit("tried_again", json!({"params": {}, "delay": 3600}));
    let kept = kept.await;
    let bulk = async |action: &str, filter: Value| {
        let body = json!({"action": action, "filter": filter});
        world.ask(Method::POST, BULK, Some(body)).await
    };
    let pending = json!({"status": "pending", "task": "add"});
    let body = json!({"action": "cancel", "filter": pending});
    let (status, count) = world.ask(Method::POST, COUNT, Some(body)).await;
    assert_eq!((status, &count), (200, &json!({"jobs": 5, "more": false})));
    let (status, cancel) = bulk("cancel", pending).await;
    assert_eq!(status, 202, "{cancel}");
    assert_eq!(
        (
            &cancel["state"],
            &cancel["total"],
            &cancel["filter"]["tasks"]
        ),
        (&json!("waiting"), &json!(5), &json!(["add"])),
        "{cancel}"
    );
    // One that came later is not touched.
    let body = json!({"params": {"a": 1, "b": 2}, "delay": 3600});
    let new = world.submit("add", body).await;
    // Undone before it has begun.
    let (_, undone) = bulk("delete", json!({})).await;
    let id = undone["id"].as_str().unwrap();
    for _ in 0..2 {
        let path = format!("{OPERATIONS}/{id}/$cancel");
        let (status, undone) = world.ask(Method::POST, &path, None).await;
        assert_eq!(
            (status, &undone["state"]),
            (200, &json!("canceled")),
            "{undone}"
        );
    }
    let done = until(&world, &cancel, "done", "none").await;
    assert_eq!(
        (&done["done"], &done["passed_over"]),
        (&json!(5), &json!(0)),
        "{done}"
    );
    for id in &later {
        world.until(id, "canceled").await;
    }
    for id in [&new, &kept] {
        world.until(id, "pending").await;
    }
    let (_, retry) = bulk("retry", json!({"status": "canceled"})).await;
    until(&world, &retry, "done", "none").await;
    for id in &later {
        world.until(id, "completed").await;
    }
    let (_, delete) = bulk("delete", json!({"task": "add", "status": "completed"})).await;
    let done = until(&world, &delete, "done", "none").await;
    assert_eq!(done["done"], 5, "{done}");
    for id in &later {
        assert_eq!(world.get(&format!("/api/v1/jobs/{id}")).await.0, 404);
    }
    world.until(&new, "pending").await;
    let (_, all) = world.get(OPERATIONS).await;
    assert_eq!(all.as_array().unwrap().len(), 4, "{all}");
    let (status, problem) = world.get(&format!("{OPERATIONS}/{new}")).await;
    assert_eq!(status, 404, "{problem}");
    for body in [
        json!({"action": "explode", "filter": {}}),
        json!({"action": "cancel"}),
        json!({"action": {"cancel": null}, "filter": {}}),
        json!({"action": "cancel", "filter": {"status": {"failed": null}}}),
        json!({"action": "cancel", "filter": {"colour": "red"}}),
        json!({"action": "cancel", "filter": {"status": "odd"}}),
        json!({"action": "delete", "filter": {"task": null}}),
        json!({"action": "delete", "filter": {"status": null}}),
    ] {
        let (status, problem) = world.ask(Method::POST, BULK, Some(body)).await;
        assert_eq!(status, 422, "{problem}");
    }
    world.service.shutdown().await;
}

/// What `$failures` says of a group is a filter of its jobs, in lists and in operations.
async fn a_group_of_failures_is_found(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let failed = json!({"params": {}, "max_attempts": 1});
    let failed = world.submit("tried_again", failed).await;
    world.until(&failed, "failed").await;
    let (_, failures) = world.get("/api/v1/jobs/$failures").await;
    let group = &failures["groups"][0];
    assert_eq!(group["error_code"], json!(null), "{failures}");
    let filter = |location: &Value| json!({"error_type": group["error_type"], "error_code": "", "error_location": location});
    // What is null there is empty here.
    let location = json!(group["error_location"].as_str().unwrap_or_default());
    for (location, jobs) in [(&location, 1), (&json!("elsewhere"), 0)] {
        let body = json!({"action": "retry", "filter": filter(location)});
        let (status, count) = world.ask(Method::POST, COUNT, Some(body)).await;
        assert_eq!((status, &count["jobs"]), (200, &json!(jobs)), "{count}");
        let filter = filter(location);
        let pairs = filter.as_object().unwrap().iter();
        let pairs = pairs.map(|(name, value)| (name, value.as_str().unwrap()));
        let url = reqwest::Url::parse_with_params("http://localhost/api/v1/jobs", pairs).unwrap();
        let path = format!("{}?{}", url.path(), url.query().unwrap());
        let (status, listed) = world.get(&path).await;
        assert_eq!(
            (status, listed.as_array().unwrap().len()),
            (200, jobs),
            "{path}: {listed}"
        );
    }
    let body = json!({"action": "retry", "filter": filter(&location)});
    let (status, started) = world.ask(Method::POST, BULK, Some(body)).await;
    assert_eq!(status, 202, "{started}");
    let done = until(&world, &started, "done", "none").await;
    assert_eq!(done["done"], 1, "{done}");
    assert_eq!(done["filter"]["error_location"], location, "{done}");
    world.service.shutdown().await;
}

async fn a_limited_key_changes_the_jobs_of_its_tasks(test: TestDatabase) {
    const OPS: &str = "ops-0123456789abcdef";
    const MATH: &str = "math-0123456789abcdef";
    const EYES: &str = "eyes-0123456789abcdef";
    let keys = ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("math", MATH).tags(["math"]))
        .key(ApiKey::new("eyes", EYES).read_only());
    let world = World::new(test, |builder| builder.with_auth(keys)).await;
    let ask = async |method: Method, path: &str, body: Option<Value>, key: &str| {
        world
            .ask_with(method, path, body, &[("x-api-key", key)])
            .await
    };
    for (task, params) in [("add", json!({"a": 1, "b": 2})), ("tried_again", json!({}))] {
        let path = format!("/api/v1/tasks/{task}/$submit");
        let body = json!({"params": params, "delay": 3600});
        assert_eq!(ask(Method::POST, &path, Some(body), OPS).await.0, 202);
    }
    let bulk = json!({"action": "delete", "filter": {}});
    let (_, count) = ask(Method::POST, COUNT, Some(bulk.clone()), MATH).await;
    assert_eq!(count["jobs"], 1, "{count}");
    let (_, count) = ask(Method::POST, COUNT, Some(bulk.clone()), OPS).await;
    assert_eq!(count["jobs"], 2, "{count}");
    // A key that only looks has the list, which counts as well.
    for path in [COUNT, BULK] {
        let (status, problem) = ask(Method::POST, path, Some(bulk.clone()), EYES).await;
        assert_eq!(status, 403, "{problem}");
    }
    let other = json!({"action": "delete", "filter": {"task": "tried_again"}});
    let (_, nothing) = ask(Method::POST, BULK, Some(other), MATH).await;
    assert_eq!(nothing["total"], 0, "{nothing}");
    let (status, mine) = ask(Method::POST, BULK, Some(bulk), MATH).await;
    assert_eq!(
        (status, &mine["requested_by"]),
        (202, &json!("math")),
        "{mine}"
    );
    let (_, theirs) = ask(
        Method::POST,
        BULK,
        Some(json!({"action": "cancel", "filter": {"queue": "none"}})),
        OPS,
    )
    .await;
    let theirs = format!("{OPERATIONS}/{}", theirs["id"].as_str().unwrap());
    assert_eq!(ask(Method::GET, &theirs, None, MATH).await.0, 403);
    assert_eq!(ask(Method::GET, &theirs, None, EYES).await.0, 200);
    let cancel = format!("{theirs}/$cancel");
    for key in [MATH, EYES] {
        assert_eq!(ask(Method::POST, &cancel, None, key).await.0, 403);
    }
    let (_, listed) = ask(Method::GET, OPERATIONS, None, MATH).await;
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let done = until(&world, &mine, "done", MATH).await;
    assert_eq!(done["done"], 1, "{done}");
    let (_, left) = ask(Method::GET, "/api/v1/jobs", None, OPS).await;
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
    // No more than 20 at once.
    let mut refused = 0;
    for _ in 0..21 {
        let body = json!({"action": "cancel", "filter": {"queue": "none"}});
        let (status, answer) = ask(Method::POST, BULK, Some(body), OPS).await;
        if status == 409 {
            assert!(
                answer["type"]
                    .as_str()
                    .unwrap()
                    .ends_with("too-many-operations"),
                "{answer}"
            );
            refused += 1;
        }
    }
    assert!(refused > 0);
    world.service.shutdown().await;
}

/// A list is no filter: one of `null` would be all jobs.
async fn a_filter_is_an_object(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    for filter in [json!([]), json!([null, null]), json!(null), json!("x")] {
        let body = json!({"action": "delete", "filter": filter});
        let (status, problem) = world
            .ask(Method::POST, "/api/v1/jobs/$bulk", Some(body))
            .await;
        assert_eq!(status, 422, "{problem}");
    }
    // As serde would read it, and with a member twice.
    let list = json!(["delete", {}, false]);
    let (status, problem) = world
        .ask(Method::POST, "/api/v1/jobs/$bulk", Some(list))
        .await;
    assert_eq!(status, 422, "{problem}");
    let twice = r#"{"action": "delete", "filter": {"task": "add", "task": "fail"}}"#;
    let request = http::client().unwrap();
    let request = request.post(world.app.url("/api/v1/jobs/$bulk"));
    let request = request
        .header("content-type", "application/json")
        .body(twice);
    let (status, problem) = http::answer(request).await.unwrap();
    assert_eq!(status.as_u16(), 422, "{problem}");
    let pause = "/api/v1/jobs/$queues/reports/$pause";
    for body in [json!(null), json!(["why"]), json!("why")] {
        let (status, problem) = world.ask(Method::POST, pause, Some(body)).await;
        assert_eq!(status, 422, "{problem}");
    }
    assert_eq!(world.get("/api/v1/jobs/$operations").await.1, json!([]));
    world.service.shutdown().await;
}

/// A batch finds what fits, and then changes it: in between others may change it, too.
async fn what_changes_meanwhile_is_left_alone(test: TestDatabase) {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let world = World::new(test, |builder| builder).await;
    let body = json!({"params": {"a": 1, "b": 2}, "delay": 3600});
    let kept = world.submit("add", body.clone()).await;
    let gone = world.submit("add", body).await;
    for id in [&kept, &gone] {
        let path = format!("/api/v1/jobs/{id}/$cancel");
        assert_eq!(world.ask(Method::POST, &path, None).await.0, 200);
    }
    let waiting = world.submit("tried_again", json!({"params": {}, "delay": 3600}));
    let waiting = waiting.await;
    let body = json!({"action": "delete", "filter": {"status": "canceled"}});
    let (_, operation) = world.ask(Method::POST, BULK, Some(body)).await;
    let id = operation["id"].as_str().unwrap().to_owned();
    let again = format!(
        "UPDATE tasks_jobs SET state = (SELECT other.state FROM tasks_jobs AS other WHERE other.id = '{waiting}'), finished_at = NULL \
         WHERE id = '{kept}'"
    );
    let session = database.session();
    let held = tokio::spawn(async move {
        let changed: Result<(), DatabaseError> = session
            .transaction(async |tx| {
                tx.batch(&again).await?;
                tokio::time::sleep(Duration::from_secs(4)).await;
                Ok(())
            })
            .await;
        changed.unwrap();
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    // It is begun while that transaction is open. With SQLite that is the only one that writes, so it waits.
    let begin = format!("UPDATE tasks_job_operations SET begins_at = 1 WHERE id = '{id}'");
    database.session().execute_script(&begin).await.unwrap();
    held.await.unwrap();
    let done = until(&world, &operation, "done", "none").await;
    assert_eq!(done["done"], 1, "{done}");
    assert_eq!(world.get(&format!("/api/v1/jobs/{gone}")).await.0, 404);
    world.until(&kept, "pending").await;
    world.service.shutdown().await;
}

/// As a later version may have written it, before this one was deployed again.
async fn an_operation_that_is_not_understood_holds_up_no_other(test: TestDatabase) {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let world = World::new(test, |builder| builder).await;
    let unknown = "INSERT INTO tasks_job_operations \
         (id, action, filter, state, requested_at, begins_at, up_to, seen, total, more, done, passed_over) \
         VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAV', 'snooze', '{}', 0, 1, 1, '~', '', 1, 0, 0, 0)";
    database.session().execute_script(unknown).await.unwrap();
    let body = json!({"params": {"a": 1, "b": 2}, "delay": 3600});
    let job = world.submit("add", body).await;
    let cancel = json!({"action": "cancel", "filter": {}});
    let (_, operation) = world.ask(Method::POST, BULK, Some(cancel)).await;
    until(&world, &operation, "done", "none").await;
    world.until(&job, "canceled").await;
    world.service.shutdown().await;
}

tasks_tests::on_both_databases!(
    what_changes_meanwhile_is_left_alone,
    an_operation_that_is_not_understood_holds_up_no_other,
    a_filter_is_an_object,
    jobs_are_canceled_retried_and_deleted,
    a_group_of_failures_is_found,
    a_limited_key_changes_the_jobs_of_its_tasks,
);
