//! What `build` finds, and the parts that it makes.

use std::time::Duration;

use actix_web::web;
use serde_json::{Value, json};
use tasks_tests::{http, openapi};
use tasks_web::{ApiKey, ApiKeys, Contact, Cors, HealthChecks, License, ServiceError};

use super::*;

#[derive(Clone, Injectable)]
struct Mailer;

#[derive(Clone, Injectable)]
struct Clock;

#[task(register = false)]
async fn send(_mailer: Mailer) {}

#[task(register = false)]
async fn tick(_clock: Clock) {}

async fn problems(builder: ServiceBuilder) -> Vec<String> {
    match builder.build().await {
        Err(ServiceError::Build(problems)) => problems.lines().to_vec(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let registry = TaskRegistry::builder()
        .task(send)
        .task(tick)
        .build()
        .unwrap();
    let keys = ApiKeys::new()
        .key(ApiKey::new("short", "tiny"))
        .from_file(folder.path().join("nowhere"));
    let lines = problems(
        Service::builder(ServiceInfo::new("Not A Slug", " "))
            .with_tasks(registry)
            .with_auth(keys)
            .with_cors(Cors::origins(["app.example.org"]))
            .with_database(Database::postgres(
                "postgres://ada:hunter2@127.0.0.1:1/none",
            ))
            .tasks_at("tasks")
            .bind("127.0.0.1", 0)
            .bind("127.0.0.1", 1)
            .with_health_checks(HealthChecks::new().check("a b", async || Ok::<_, String>(()))),
    )
    .await;
    let all = lines.join("\n");
    for expected in [
        "`Not A Slug` cannot be a service's id",
        "the service's display name is empty",
        "`tasks` cannot be a path of the service",
        "the API key `short` is shorter than 16 characters",
        "the file of API keys",
        "`app.example.org` is not an origin",
        "cannot be reached",
        "task `send`",
        "task `tick`",
        "`bind` is called twice",
        "`a b` cannot be the name of a health check",
    ] {
        assert!(all.contains(expected), "{expected}: {all}");
    }
    assert!(!all.contains("hunter2") && !all.contains("tiny"), "{all}");
}

#[task(register = false)]
async fn everything(
    _scheduler: Scheduler,
    _artifacts: ArtifactManager,
    _session: Session,
    _mailer: Mailer,
) {
}

#[tokio::test]
async fn what_is_missing_is_said_with_the_call_that_brings_it() {
    let registry = || TaskRegistry::builder().task(everything).build().unwrap();
    let service = || Service::builder(ServiceInfo::new("a", "A")).with_tasks(registry());
    let lines = problems(service()).await;
    assert_eq!(lines.len(), 3, "{lines:#?}");
    for (line, advice) in lines.iter().zip([
        ": call `.with_jobs(…)`",
        ": call `.with_artifacts(…)`",
        ": give one to `.provide(…)`",
    ]) {
        assert!(line.ends_with(advice), "{line}");
    }
    // Of a database that fails, what is in it is no error of its own.
    let lines = problems(
        service()
            .provide(Mailer)
            .with_jobs(Jobs::new())
            .with_artifacts(ArtifactHierarchy::new("results"))
            .with_database(Database::postgres("postgres://ada@127.0.0.1:1/none")),
    )
    .await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("cannot be reached"), "{lines:#?}");
}

async fn everything_there_is(service: Service) -> actix_web::HttpResponse {
    let sum: i64 = service
        .executor()
        .execute("add", json!({"a": 1, "b": 2}))
        .await
        .unwrap();
    let scheduler = service.scheduler().unwrap();
    let job = scheduler
        .submit_named("add", json!({"a": 1, "b": 2}))
        .await
        .unwrap();
    let artifacts = service.artifacts().unwrap().count().await.unwrap();
    service.database().unwrap().ping().await.unwrap();
    actix_web::HttpResponse::Ok()
        .json(json!({"sum": sum, "job": job.task_name, "artifacts": artifacts}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_of_the_applications_own_reach_what_the_service_has() {
    let app = serve(
        builder()
            .with_jobs(Jobs::new())
            .with_artifacts(ArtifactHierarchy::new("results"))
            .mount(|config| {
                config.route("/own", web::get().to(everything_there_is));
            }),
    )
    .await;
    let (status, answer) = http::get(&app.url("/own")).await.unwrap();
    assert_eq!(
        (status.as_u16(), answer),
        (200, json!({"sum": 3, "job": "add", "artifacts": 0}))
    );
}

#[tokio::test]
async fn parts_are_not_in_each_others_way() {
    let lines = problems(builder().with_health().health_at("/api/v1/tasks/health")).await;
    assert_eq!(
        lines,
        [
            "tasks at `/api/v1/tasks` and health at `/api/v1/tasks/health` are in each other's way: give one of them another path"
        ]
    );
    // Said twice, and the same both times.
    let fine = builder()
        .tasks_at("/t")
        .tasks_at("/t")
        .http_threads(2)
        .http_threads(2);
    assert!(fine.build().await.is_ok());
    let lines = problems(
        builder()
            .health_at("/ready")
            .jobs_at("/jobs")
            .http_threads(1000),
    )
    .await;
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[0].contains("`health_at`") && lines[0].contains("`with_health`"),
        "{lines:?}"
    );
    for origin in [
        "https://App.example.org",
        "https://exa mple.org",
        "https://x:443",
        "https://x/",
    ] {
        let lines = problems(builder().with_cors(Cors::origins([origin]))).await;
        assert!(lines[0].contains("is not an origin"), "{lines:?}");
    }
    let lines = problems(builder().with_tasks(registry())).await;
    assert!(
        lines[0].starts_with("`with_tasks` is called twice"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_service_without_keys_that_asks_for_keys_is_not_built() {
    let lines = problems(builder().with_auth(ApiKeys::new())).await;
    assert!(lines[0].contains("was given no key"), "{lines:?}");
    let lines =
        problems(builder().with_auth(ApiKeys::new().from_env_var("NOBODY_SETS_THIS"))).await;
    assert!(lines[0].contains("`NOBODY_SETS_THIS`"), "{lines:?}");
    let twice = ApiKeys::new()
        .key(ApiKey::new("a", "correct-horse-battery"))
        .key(ApiKey::new("b", "correct-horse-battery"));
    let lines = problems(builder().with_auth(twice)).await;
    assert_eq!(
        lines,
        ["the API key `b` is the same as the API key `a`: remove one"]
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_of_run() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let service = builder().bind("127.0.0.1", port).build().await.unwrap();
    let error = service.run().await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot listen on 127.0.0.1:{port}: "))
            && error.contains("another program does"),
        "{error}"
    );
}

/// Every part there is, in an order that helps nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it() {
    let info = ServiceInfo::new("whole-service", "Whole service")
        .version("2.1.0")
        .summary("All of it.")
        .description("Everything *at once*.")
        .contact(Contact::new("Ada").email("ada@example.org"))
        .license(License::spdx("MIT"));
    let app = serve(
        Service::builder(info)
            .with_artifacts(ArtifactHierarchy::new("results").level(0, "run"))
            .mount(|config| {
                config.route("/own", web::get().to(async || "mine"));
            })
            .with_landing_page()
            .with_monitoring()
            .with_system()
            .with_health()
            .configure_executor(|executor| executor.default_timeout(Duration::from_secs(5)))
            .with_tasks(registry())
            .with_logging(),
    )
    .await;
    let get = async |path: &str| {
        let (status, answer) = http::get(&app.url(path)).await.unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    };
    assert_eq!(
        get("/api/v1/info").await,
        json!({
            "id": "whole-service", "display_name": "Whole service", "version": "2.1.0", "summary": "All of it.",
            "description": "Everything *at once*.", "contact": {"name": "Ada", "email": "ada@example.org"},
            "license": {"name": "MIT", "identifier": "MIT"},
        })
    );
    assert_eq!(
        get("/health").await,
        json!({"status": "healthy", "checks": {"artifacts": {"state": "healthy"}, "database": {"state": "healthy"}}})
    );
    let system = get("/api/v1/system").await;
    assert_eq!(
        system["capabilities"],
        json!({
            "tasks": true, "docs": true, "auth": false, "health": true, "monitoring": true, "database": true,
            "artifacts": true, "jobs": false, "dashboard": false,
        })
    );
    for key in ["current_time", "timezone", "platform", "hostname"] {
        assert!(!system[key].as_str().unwrap().is_empty(), "{system}");
    }
    assert_eq!(system["versions"]["service"], "2.1.0");
    assert_eq!(get("/api/v1/tasks").await.as_array().unwrap().len(), 3);
    assert_eq!(get("/api/v1/artifacts").await, json!([]));
    let own = http::client()
        .unwrap()
        .get(app.url("/own"))
        .send()
        .await
        .unwrap();
    assert_eq!(own.text().await.unwrap(), "mine");

    for version in ["3.1", "3.0"] {
        let document = get(&format!("/openapi.json?version={version}")).await;
        assert_eq!(openapi::validate(&document), Ok(()), "{version}");
        assert_eq!(document["info"]["title"], "Whole service");
        assert_eq!(document["info"]["contact"]["email"], "ada@example.org");
        for path in [
            "/",
            "/health",
            "/health/$stream",
            "/metrics",
            "/api/v1/info",
            "/api/v1/system",
            "/api/v1/artifacts",
        ] {
            assert!(
                document["paths"][path]["get"].is_object(),
                "{version}: {path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_paths_and_less_of_it() {
    let app = serve(
        builder()
            .tasks_at("/v2/jobs/")
            .info_at("/v2/about")
            .with_health()
            .health_at("/ready")
            .without_docs()
            .body_limit(100),
    )
    .await;
    for path in ["/v2/jobs", "/v2/about", "/ready"] {
        let (status, answer) = http::get(&app.url(path)).await.unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
    }
    for path in ["/api/v1/tasks", "/health", "/openapi.json", "/docs", "/"] {
        let (status, problem) = http::get(&app.url(path)).await.unwrap();
        assert_eq!(
            (status.as_u16(), &problem["status"]),
            (404, &json!(404)),
            "{path}: {problem}"
        );
    }
    let large = json!({"params": {"text": "x".repeat(200)}});
    let (status, problem) = http::post(&app.url("/v2/jobs/shout/$execute"), &large)
        .await
        .unwrap();
    assert_eq!(status, 413, "{problem}");
    let (_, answer) = http::post(
        &app.url("/v2/jobs/shout/$execute"),
        &json!({"params": {"text": "x"}}),
    )
    .await
    .unwrap();
    assert_eq!(answer["result"], "X");
    assert_eq!(answer["error"], Value::Null);
}

/// One library of tasks, and a service that provides less than all of them need.
#[tokio::test]
async fn tasks_that_cannot_be_wired_are_left_out_on_request() {
    let registry = TaskRegistry::builder()
        .task(send)
        .task(tick)
        .task(add)
        .build()
        .unwrap()
        .without(["add"])
        .unwrap();
    let app = serve(
        Service::builder(ServiceInfo::new("small", "Small"))
            .with_tasks(registry)
            .provide(Clock)
            .configure_executor(|executor| {
                executor.skip_unprovided().task_max_concurrency("send", 1)
            }),
    )
    .await;
    let (_, tasks) = http::get(&app.url("/api/v1/tasks")).await.unwrap();
    let names: Vec<&Value> = tasks
        .as_array()
        .unwrap()
        .iter()
        .map(|task| &task["name"])
        .collect();
    assert_eq!(names, ["tick"]);
    let (_, document) = http::get(&app.url("/openapi.json")).await.unwrap();
    assert!(document["paths"]["/api/v1/tasks/tick/$execute"].is_object());
    assert!(document["paths"]["/api/v1/tasks/send/$execute"].is_null());
    let (status, _) = http::post(&app.url("/api/v1/tasks/send/$execute"), &json!({}))
        .await
        .unwrap();
    assert_eq!(status, 404);
}
