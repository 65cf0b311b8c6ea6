//! Which jobs a job comes from, and which come from it.

use super::*;
use tasks_web::{ApiKey, ApiKeys};

async fn lineage(world: &World, id: &str) -> Value {
    let (status, found) = world.get(&format!("/api/v1/jobs/{id}/$lineage")).await;
    assert_eq!(status, 200, "{found}");
    found
}

async fn a_job_knows_what_it_runs_again(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let first = world
        .submit("add", json!({"params": {"a": 1, "b": 2}}))
        .await;
    let again = json!({"params": {"a": 1, "b": 3}, "rerun_of": first});
    let second = world.submit("add", again.clone()).await;
    let third = world.submit("add", again).await;
    assert_eq!(
        lineage(&world, &first).await,
        json!({"parent": null, "rerun_of": null, "children": [], "reruns": [third, second], "graphs": []})
    );
    let of_second =
        json!({"parent": null, "rerun_of": first, "children": [], "reruns": [], "graphs": []});
    assert_eq!(lineage(&world, &second).await, of_second);
    // It is known when the first one is gone, and goes with the second.
    let path = format!("/api/v1/jobs/{first}");
    world.until(&first, "completed").await;
    assert_eq!(world.ask(Method::DELETE, &path, None).await.0, 204);
    assert_eq!(lineage(&world, &second).await, of_second);
    assert_eq!(world.get(&format!("{path}/$lineage")).await.0, 404);

    // What was submitted before is given back, whatever has become of the job that it runs again.
    let submit = "/api/v1/tasks/add/$submit";
    let kept = world
        .submit("add", json!({"params": {"a": 5, "b": 5}}))
        .await;
    let body = json!({"params": {"a": 5, "b": 6}, "rerun_of": kept});
    let key = [("idempotency-key", "again")];
    let stored = world.ask_with(Method::POST, submit, Some(body.clone()), &key);
    let stored = stored.await.1;
    world.until(&kept, "completed").await;
    let kept = format!("/api/v1/jobs/{kept}");
    assert_eq!(world.ask(Method::DELETE, &kept, None).await.0, 204);
    let (status, again) = world.ask_with(Method::POST, submit, Some(body), &key).await;
    assert_eq!((status, &again["id"]), (202, &stored["id"]), "{again}");
    // That of another one is not the same.
    let body = json!({"params": {"a": 5, "b": 6}, "rerun_of": second});
    let (status, problem) = world.ask_with(Method::POST, submit, Some(body), &key).await;
    let said = problem["detail"].as_str().unwrap_or_default();
    assert_eq!(status, 422, "{problem}");
    assert!(said.contains("came before with other `rerun_of`"), "{said}");

    let other = world.submit("tried_again", json!({})).await;
    for absent in [&other, &first] {
        let body = json!({"params": {"a": 1, "b": 2}, "rerun_of": absent});
        let (status, problem) = world.ask(Method::POST, submit, Some(body)).await;
        assert_eq!(status, 404, "{problem}");
        let code = problem["type"].as_str().unwrap();
        assert!(code.ends_with("unknown-job"), "{problem}");
        assert!(problem.to_string().contains(absent), "{problem}");
    }
    for (wrong, said) in [(json!("x"), "is not an id"), (json!(7), "rerun_of")] {
        let body = json!({"params": {"a": 1, "b": 2}, "rerun_of": wrong});
        let (status, problem) = world.ask(Method::POST, submit, Some(body)).await;
        assert_eq!(status, 422, "{problem}");
        let error = &problem["errors"][0];
        assert_eq!(error["pointer"], "/rerun_of", "{problem}");
        assert!(problem.to_string().contains(said), "{problem}");
    }
    world.service.shutdown().await;
}

async fn a_job_knows_which_jobs_it_has_submitted(test: TestDatabase) {
    const OPS: &str = "ops-0123456789abcdef";
    const MATH: &str = "math-0123456789abcdef";
    let keys = ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("math", MATH).tags(["math"]));
    let world = World::new(test, |builder| builder.with_auth(keys)).await;
    let ask = async |method: Method, path: &str, body: Option<Value>, key: &str| {
        let headers = [("x-api-key", key)];
        world.ask_with(method, path, body, &headers).await
    };
    let path = "/api/v1/tasks/submit_sums/$submit";
    let body = json!({"params": {"count": 3}});
    let (status, parent) = ask(Method::POST, path, Some(body), OPS).await;
    assert_eq!(status, 202, "{parent}");
    let parent = parent["id"].as_str().unwrap();
    let path = format!("/api/v1/jobs/{parent}");
    let deadline = Instant::now() + Duration::from_secs(30);
    while ask(Method::GET, &path, None, OPS).await.1["status"] != "completed" {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (_, result) = ask(Method::GET, &format!("{path}/$result"), None, OPS).await;
    let (_, found) = ask(Method::GET, &format!("{path}/$lineage"), None, OPS).await;
    let sorted = |ids: &Value| {
        let ids = ids.as_array().unwrap().iter();
        let mut ids: Vec<String> = ids.map(|id| id.as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(sorted(&found["children"]), sorted(&result["result"]));
    // A key that is limited does not see a parent that it does not reach.
    let child = found["children"][0].as_str().unwrap();
    let child = format!("/api/v1/jobs/{child}/$lineage");
    assert_eq!(
        ask(Method::GET, &child, None, OPS).await.1["parent"],
        parent
    );
    let (status, limited) = ask(Method::GET, &child, None, MATH).await;
    assert_eq!((status, &limited["parent"]), (200, &Value::Null));
    world.service.shutdown().await;
}

tasks_tests::on_both_databases!(
    a_job_knows_what_it_runs_again,
    a_job_knows_which_jobs_it_has_submitted,
);
