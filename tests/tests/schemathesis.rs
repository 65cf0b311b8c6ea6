//! The services keep to their own `OpenAPI` documents, whatever is sent to them.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::net::TcpListener;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::json;
use tasks_tests::process::Server;
use tasks_tests::schemathesis;

#[tokio::test]
async fn task_execution_keeps_to_its_document() {
    let backups = tempfile::tempdir().unwrap();
    let environment = [
        ("RUST_LOG", "warn".as_ref()),
        ("BACKUP_DIR", backups.path().as_os_str()),
    ];
    let server = Server::start("task-execution", environment).unwrap();
    let result = schemathesis::check(&server.base_url(), "task-execution", &[]).await;
    assert!(
        result.is_ok(),
        "{:#}\n{}",
        result.unwrap_err(),
        server.output()
    );
}

/// A service that says it answers with a number, and answers with a word; and with 401 to those without a key.
async fn liar() -> String {
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Liar", "version": "1" },
        "paths": { "/number": { "get": { "operationId": "number", "responses": {
            "200": {
                "description": "A number",
                "content": { "application/json": { "schema": { "type": "integer" } } }
            }
        } } } }
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let number = async |request: HttpRequest| {
        if request.headers().contains_key("x-api-key") {
            HttpResponse::Ok().json("seven")
        } else {
            HttpResponse::Unauthorized().finish()
        }
    };
    let server = HttpServer::new(move || {
        let document = document.clone();
        App::new()
            .route(
                "/openapi.json",
                web::get().to(move || std::future::ready(web::Json(document.clone()))),
            )
            .service(web::resource("/number").route(web::get().to(number)))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .unwrap();
    actix_web::rt::spawn(server.run());
    url
}

#[actix_web::test]
async fn a_service_that_does_not_is_reported() {
    let url = liar().await;
    let report = |error: anyhow::Error| error.to_string();
    let without_key = schemathesis::check(&url, "default", &[])
        .await
        .map_err(report)
        .unwrap_err();
    assert!(
        without_key.contains("Undocumented status code"),
        "{without_key}"
    );
    let with_key = schemathesis::check(&url, "default", &[("x-api-key", "k")])
        .await
        .map_err(report)
        .unwrap_err();
    assert!(with_key.contains("Response violates schema"), "{with_key}");
    assert!(with_key.contains("curl"), "{with_key}");
}

#[tokio::test]
async fn a_service_without_a_document_is_an_error() {
    let error = schemathesis::check("http://127.0.0.1:1", "default", &[])
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("http://127.0.0.1:1/openapi.json"),
        "{error}"
    );
}
