//! API keys.

use reqwest::Method;
use serde_json::{Value, json};
use tasks_tests::http;
use tasks_web::{ApiKey, ApiKeys, HealthChecks};

use super::*;

const OPS: &str = "ops-0123456789abcdef";
const MATH: &str = "math-0123456789abcdef";

fn keys() -> ApiKeys {
    ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("calculator", MATH).tags(["math"]))
        .key(ApiKey::new("nothing", "none-0123456789abcdef").tags::<String>([]))
}

async fn service() -> Running {
    serve(
        builder()
            .with_auth(keys())
            .with_health_checks(HealthChecks::new())
            .with_landing_page()
            .with_system()
            .with_monitoring()
            .with_artifacts(ArtifactHierarchy::new("results"))
            .mount(|config| {
                config.route("/own", actix_web::web::get().to(async || "\"mine\""));
                config.route(
                    "/health/details",
                    actix_web::web::get().to(async || "\"mine\""),
                );
            }),
    )
    .await
}

async fn ask(
    app: &Running,
    method: Method,
    path: &str,
    key: Option<&str>,
    body: Option<Value>,
) -> (u16, Value) {
    let mut request = http::client().unwrap().request(method, app.url(path));
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let media = response.headers().get("content-type");
    // Events go on for ever.
    let goes_on = media.is_some_and(|media| media.as_bytes().starts_with(b"text/event-stream"));
    let text = if goes_on {
        String::new()
    } else {
        response.text().await.unwrap()
    };
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

async fn get(app: &Running, path: &str, key: Option<&str>) -> (u16, Value) {
    ask(app, Method::GET, path, key, None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_listed_without_their_secrets() {
    let app = service().await;
    let (status, keys) = get(&app, "/api/v1/keys", Some(OPS)).await;
    assert_eq!(status, 200, "{keys}");
    let ops = json!({"name": "ops", "tags": null, "read_only": false});
    assert!(keys.as_array().unwrap().contains(&ops), "{keys}");
    assert!(!keys.to_string().contains(OPS), "{keys}");
    assert_eq!(get(&app, "/api/v1/keys", None).await.0, 401);
    assert_eq!(get(&app, "/api/v1/keys", Some(MATH)).await.0, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_asked_for_nearly_everywhere() {
    let app = service().await;
    for path in ["/", "/health"] {
        assert_eq!(get(&app, path, None).await.0, 200, "{path}");
    }
    for path in [
        "/api/v1/tasks",
        "/api/v1/tasks/add",
        "/api/v1/info",
        "/api/v1/system",
        "/api/v1/artifacts",
        "/api/v1/artifacts/$stats",
        "/metrics",
        "/own",
        "/health/details",
        "/openapi.json",
        "/docs",
        "/docs/",
        "/nowhere",
        "/api/v1/tasks/../tasks",
        "//api/v1/tasks",
        "/api%2Fv1/tasks",
        "/health/../api/v1/info",
        "/healthy",
        "/%2e/api/v1/info",
        "/HEALTH",
    ] {
        let (status, problem) = get(&app, path, None).await;
        assert_eq!(status, 401, "{path}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains("`X-API-Key`"),
            "{problem}"
        );
    }
    for path in [
        "/api/v1/tasks",
        "/api/v1/tasks/add",
        "/api/v1/info",
        "/metrics",
        "/own",
        "/openapi.json",
        "/docs",
    ] {
        assert_eq!(get(&app, path, Some(OPS)).await.0, 200, "{path}");
    }
    let execute = "/api/v1/tasks/add/$execute";
    let body = json!({"params": {"a": 1, "b": 2}});
    assert_eq!(
        ask(&app, Method::POST, execute, None, Some(body.clone()))
            .await
            .0,
        401
    );
    assert_eq!(
        ask(&app, Method::POST, execute, Some(OPS), Some(body))
            .await
            .1["result"],
        3
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limited_key_reaches_its_own_tasks_only() {
    let app = service().await;
    let names = |answer: &Value| -> Vec<String> {
        let tasks = answer.as_array().unwrap();
        tasks
            .iter()
            .map(|task| task["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names(&get(&app, "/api/v1/tasks", Some(OPS)).await.1),
        ["add", "fail", "shout"]
    );
    assert_eq!(
        names(&get(&app, "/api/v1/tasks", Some(MATH)).await.1),
        ["add"]
    );
    assert!(names(&get(&app, "/api/v1/tasks?tag=text", Some(MATH)).await.1).is_empty());
    assert_eq!(
        get(&app, "/api/v1/tasks", Some("none-0123456789abcdef"))
            .await
            .1,
        json!([])
    );

    let (status, problem) = get(&app, "/api/v1/tasks/shout", Some(MATH)).await;
    assert_eq!(status, 403, "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("the key `calculator` does not reach task `shout`")
    );
    let body = json!({"params": {"text": "x"}});
    for (path, status) in [("shout", 403), ("fail", 403), ("nobody", 404)] {
        let path = format!("/api/v1/tasks/{path}/$execute");
        let (answered, problem) =
            ask(&app, Method::POST, &path, Some(MATH), Some(body.clone())).await;
        assert_eq!(answered, status, "{path}: {problem}");
        // What a key does not reach, it is not led to.
        assert!(
            problem
                .get("nearest")
                .is_none_or(|nearest| !nearest.to_string().contains("shout")),
            "{problem}"
        );
    }
    for (key, sees, not) in [(OPS, "shout", "nothing-of-this"), (MATH, "add", "shout")] {
        let (_, document) = get(&app, "/openapi.json", Some(key)).await;
        assert!(document["paths"][format!("/api/v1/tasks/{sees}/$execute")].is_object());
        assert!(
            document["paths"]
                .get(format!("/api/v1/tasks/{not}/$execute"))
                .is_none()
        );
        assert_eq!(
            document["components"]["securitySchemes"]["ApiKey"]["name"], "X-API-Key",
            "{document}"
        );
    }
    // The lists differ, and so must what a cache compares.
    let tag = async |key: &str| {
        let request = http::client()
            .unwrap()
            .get(app.url("/api/v1/tasks"))
            .header("x-api-key", key);
        let response = request.send().await.unwrap();
        response.headers()["etag"].to_str().unwrap().to_owned()
    };
    assert_ne!(tag(OPS).await, tag(MATH).await);
}

/// As a client spells it, and not as a library mends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spelling_of_a_path_leads_past_the_keys() {
    let app = service().await;
    for path in [
        "/health/../api/v1/info",
        "/health/%2e%2e/api/v1/info",
        "//health/../api/v1/tasks",
        "/health//details",
        "/health%2f..%2fapi/v1/info",
        "/docs/../api/v1/tasks",
        "/api/v1/tasks?x=/health",
        "/api/v1/tasks#/health",
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = http::raw(app.address(), request.as_bytes()).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        assert!(
            matches!(status.as_str(), "400" | "401" | "404"),
            "{path}: {answer}"
        );
        assert!(
            !answer.contains("Under test") && !answer.contains("\"add\""),
            "{path}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limited_key_does_not_see_what_is_about_all_tasks() {
    let app = service().await;
    for path in ["/metrics", "/api/v1/artifacts", "/api/v1/artifacts/$stats"] {
        assert_eq!(get(&app, path, Some(MATH)).await.0, 403, "{path}");
        assert_eq!(get(&app, path, Some(OPS)).await.0, 200, "{path}");
    }
    let body = Some(json!({"data": 1}));
    let path = "/api/v1/artifacts";
    assert_eq!(
        ask(&app, Method::POST, path, Some(MATH), body.clone())
            .await
            .0,
        403
    );
    let (_, saved) = ask(&app, Method::POST, path, Some(OPS), body.clone()).await;
    let path = format!("{path}/{}", saved["id"].as_str().unwrap());
    // Who knows its id may read it.
    assert_eq!(get(&app, &path, Some(MATH)).await.0, 200);
    assert_eq!(ask(&app, Method::PUT, &path, Some(MATH), body).await.0, 403);
    assert_eq!(
        ask(&app, Method::DELETE, &path, Some(MATH), None).await.0,
        403
    );
    let (_, page) = get(&app, "/", None).await;
    assert!(!page.as_str().unwrap().contains("tasks</h2>"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_attempts_are_limited_and_right_ones_are_not() {
    let app = service().await;
    let mut refused = 0;
    for n in 0..200 {
        let (status, problem) = get(&app, "/api/v1/info", Some(&format!("guess-{n}-{OPS}"))).await;
        match status {
            401 => {}
            429 => refused += 1,
            other => panic!("{other}: {problem}"),
        }
        assert!(!problem.to_string().contains(OPS), "{problem}");
    }
    assert!(refused > 100, "{refused}");
    let response = http::client()
        .unwrap()
        .get(app.url("/api/v1/info"))
        .header("x-api-key", "wrong")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 429);
    assert!(
        response.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 0
    );
    assert_eq!(get(&app, "/api/v1/info", Some(OPS)).await.0, 200);
    // No key at all is no guess.
    assert_eq!(get(&app, "/api/v1/info", None).await.0, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_from_a_file_and_another_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(
        &path,
        format!("# comment\n\nops:{OPS}\ncalculator[math|etl]:{MATH}\nanother-0123456789abcdef\n"),
    )
    .unwrap();
    let keys = ApiKeys::new().from_file(&path).header("Authorization-Key");
    let app = serve(builder().with_auth(keys)).await;
    let with = async |key: &str| {
        let request = http::client()
            .unwrap()
            .get(app.url("/api/v1/tasks"))
            .header("authorization-key", key);
        let (status, tasks) = http::answer(request).await.unwrap();
        (status.as_u16(), tasks.as_array().map(Vec::len))
    };
    assert_eq!(with(OPS).await, (200, Some(3)));
    assert_eq!(with(MATH).await, (200, Some(1)));
    assert_eq!(with("another-0123456789abcdef").await, (200, Some(3)));
    assert_eq!(with("ops").await.0, 401);
    // Without limits nobody is shown less, but a document that is behind keys stays there.
    assert_eq!(get(&app, "/openapi.json", None).await.0, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_open_when_no_key_is_limited() {
    let app = serve(builder().with_auth(ApiKeys::new().key(ApiKey::new("ops", OPS)))).await;
    for path in ["/openapi.json", "/docs", "/docs/swagger-ui.css"] {
        assert_eq!(get(&app, path, None).await.0, 200, "{path}");
    }
    assert_eq!(get(&app, "/api/v1/tasks", None).await.0, 401);
    let two = http::client()
        .unwrap()
        .get(app.url("/api/v1/tasks"))
        .header("x-api-key", OPS)
        .header("x-api-key", "x");
    assert_eq!(http::answer(two).await.unwrap().0, 401);
}

/// And SIGHUP, which ends a process that does not know it, ends nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_change_without_a_new_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (old, new) = ("old-0123456789abcdef", "new-0123456789abcdef");
    std::fs::write(file.path(), format!("ops:{old}")).unwrap();
    let environment = [("KEYS_FILE", file.path())];
    let mut server =
        tasks_tests::process::Server::start_program(lifecycle::program(), environment).unwrap();
    let ask = async |key: &str| {
        let request = http::client().unwrap().get(server.url("/api/v1/info"));
        let answer = request.header("x-api-key", key).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!((ask(old).await, ask(new).await), (200, 401));
    std::fs::write(file.path(), format!("ops:{new}")).unwrap();
    server.signal(rustix::process::Signal::HUP).unwrap();
    let words = "the API keys were read again";
    server.stderr_with(words, 1).unwrap();
    assert_eq!((ask(old).await, ask(new).await), (401, 200));
    // What is wrong changes nothing, and neither does what would open and close other things.
    for wrong in ["ops:tiny".to_owned(), format!("ops[math]:{old}")] {
        std::fs::write(file.path(), &wrong).unwrap();
        server.signal(rustix::process::Signal::HUP).unwrap();
    }
    let words = "the API keys stay as they were";
    server.stderr_with(words, 1).unwrap();
    assert_eq!((ask(old).await, ask(new).await), (401, 200));
    assert!(!server.stderr().contains("tiny"), "{}", server.stderr());
    server.signal(rustix::process::Signal::TERM).unwrap();
    let ended = server.wait(std::time::Duration::from_secs(20)).unwrap();
    assert!(ended.unwrap().success());
}

/// As a submission does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_schedule_has_the_name_of_the_key_that_asked_for_it() {
    let service = builder()
        .with_auth(keys())
        .with_database(Database::sqlite_in_memory())
        .with_jobs(Jobs::new().run_workers(false));
    let service = service.build().await.unwrap();
    service.startup().await.unwrap();
    let app = Running::service(&service);
    let schedule = json!({"task_name": "add", "params": {"a": 1, "b": 2}, "interval": 3600});
    let path = "/api/v1/schedules/hourly";
    let (status, answer) = ask(&app, Method::PUT, path, Some(OPS), Some(schedule)).await;
    assert_eq!(status, 201, "{answer}");
    let path = format!("{path}/$run");
    let (status, job) = ask(&app, Method::POST, &path, Some(OPS), None).await;
    assert_eq!(
        (status, &job["submitted_by"], &job["schedule_name"]),
        (202, &json!("ops"), &json!("hourly")),
        "{job}"
    );
    service.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_is_of_the_key_that_sent_it_first() {
    let service = builder()
        .with_auth(keys())
        .with_database(Database::sqlite_in_memory())
        .with_jobs(Jobs::new().run_workers(false));
    let service = service.build().await.unwrap();
    service.startup().await.unwrap();
    let app = Running::service(&service);
    let submit = async |key: &str| {
        let request = http::client()
            .unwrap()
            .post(app.url("/api/v1/tasks/add/$submit"))
            .header("x-api-key", key)
            .header("idempotency-key", "order-1")
            .json(&json!({"params": {"a": 1, "b": 2}}));
        http::answer(request).await.unwrap()
    };
    let (status, first) = submit(OPS).await;
    assert_eq!(status, 202, "{first}");
    let (status, same) = submit(OPS).await;
    assert_eq!((status.as_u16(), &same["id"]), (202, &first["id"]));
    let (status, problem) = submit(MATH).await;
    assert_eq!(
        (status.as_u16(), &problem["type"]),
        (422, &json!("urn:tasks:problem:idempotency-key")),
        "{problem}"
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("`caller`"),
        "{problem}"
    );
    service.shutdown().await;
}

/// Every operation of the document that is no `GET`, and a route of the application's own.
#[tokio::test]
async fn a_read_only_key_changes_nothing_anywhere() {
    const KEY: &str = "looks-0123456789abcdef";
    let keys = ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("display", KEY).read_only());
    let app = serve(
        builder()
            .with_auth(keys)
            .with_system()
            .with_monitoring()
            .with_jobs(Jobs::new())
            .with_artifacts(ArtifactHierarchy::new("results"))
            .mount(|config| {
                config.route("/own", actix_web::web::post().to(async || "\"mine\""));
                config.route(
                    "/own/{name}",
                    actix_web::web::post().to(async || "\"mine\""),
                );
            }),
    )
    .await;
    let (status, _) = ask(&app, Method::POST, "/own/$validate", Some(KEY), None).await;
    assert_eq!(status, 403);
    let (_, document) = ask(&app, Method::GET, "/openapi.json", Some(KEY), None).await;
    let mut checked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{name}", "add")
            .replace("{id}", "01M8K0ZXN3MJ5HQH5AFR0A2GTG");
        for method in operations.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let body = json!({"params": {"a": 1, "b": 2}});
            let (status, answer) = ask(&app, method.clone(), &path, Some(KEY), Some(body)).await;
            let looks = method == Method::GET || path.ends_with("/$validate");
            let refused = status == 403 && answer["type"] == "urn:tasks:problem:read-only-key";
            assert_eq!(refused, !looks, "{method} {path}: {status} {answer}");
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
    for method in [
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ] {
        let (status, _) = ask(&app, method, "/own", Some(KEY), None).await;
        assert_eq!(status, 403);
    }
    let (status, _) = ask(&app, Method::POST, "/own", Some(OPS), None).await;
    assert_eq!(status, 200);
}
