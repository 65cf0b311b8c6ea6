//! What every request passes: ids, problems, panics.

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use tasks_tests::http;
use tasks_web::RequestId;

use super::*;

async fn service() -> Running {
    serve(builder().mount(|config| {
        config
            .route("/panics", web::get().to(panics))
            .route("/fails", web::get().to(fails))
            .route(
                "/empty",
                web::get().to(async || HttpResponse::Gone().finish()),
            )
            .route(
                "/own-error",
                web::get().to(async || HttpResponse::BadRequest().json(json!({"mine": 1}))),
            )
            .route(
                "/numbers/{n}",
                web::get().to(async |n: web::Path<u8>| n.to_string()),
            )
            .route("/id", web::get().to(own_id));
    }))
    .await
}

#[allow(clippy::panic, reason = "it is what is tested")]
async fn panics() -> HttpResponse {
    panic!("with a secret in it")
}

async fn fails() -> Result<HttpResponse, actix_web::Error> {
    Err(actix_web::error::ErrorInternalServerError(
        "with a secret in it",
    ))
}

async fn own_id(request: HttpRequest) -> String {
    request
        .extensions()
        .get::<RequestId>()
        .map_or("none", RequestId::as_str)
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_an_id() {
    let app = service().await;
    let client = http::client().unwrap();
    let id = async |path: &str, sent: Option<&str>| {
        let mut request = client.get(app.url(path));
        if let Some(sent) = sent {
            request = request.header("x-request-id", sent);
        }
        let response = request.send().await.unwrap();
        let header = response.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        (header, response.text().await.unwrap())
    };
    let (header, body) = id("/id", Some("mine.1_2-3")).await;
    assert_eq!(
        (header.as_str(), body.as_str()),
        ("mine.1_2-3", "mine.1_2-3")
    );
    let long = "x".repeat(129);
    for malformed in [
        None,
        Some("a b"),
        Some("a\"b"),
        Some("{}"),
        Some(long.as_str()),
    ] {
        let (header, body) = id("/id", malformed).await;
        assert_eq!(header, body);
        assert_eq!(header.len(), 26, "{header}");
    }
    for path in [
        "/nowhere",
        "/api/v1/tasks/nobody",
        "/numbers/x",
        "/panics",
        "/empty",
    ] {
        let (header, body) = id(path, Some("mine")).await;
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (header.as_str(), &problem["request_id"]),
            ("mine", &json!("mine")),
            "{path}: {body}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_application_may_answer_all_other_paths() {
    let app = serve(builder().mount(|config| {
        config.default_service(web::to(async || "mine"));
    }))
    .await;
    let response = http::client()
        .unwrap()
        .get(app.url("/anything"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "mine");
    assert_eq!(http::get(&app.url("/api/v1/tasks")).await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_applications_own_routes_are_problems() {
    let app = service().await;
    for (path, status) in [
        ("/panics", 500),
        ("/fails", 500),
        ("/empty", 410),
        ("/numbers/300", 404),
    ] {
        let response = http::client()
            .unwrap()
            .get(app.url(path))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json",
            "{path}"
        );
        let text = response.text().await.unwrap();
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["status"], status, "{text}");
        assert_eq!(problem["instance"], path, "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    // What says something of its own is left alone; and the worker that panicked lives on.
    let (status, own) = http::get(&app.url("/own-error")).await.unwrap();
    assert_eq!((status.as_u16(), own), (400, json!({"mine": 1})));
}
