//! The OpenAPI document of types that are named like the framework's own, and at odd places.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use actix_web::test::{TestRequest, call_and_read_body_json, call_service, init_service};
use actix_web::{App, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tasks_web::prelude::*;
use tasks_web::testing;

#[derive(Serialize, JsonSchema)]
struct Problem {
    mine: bool,
}

#[derive(Deserialize, JsonSchema)]
struct TaskInfo {
    mine: bool,
}

#[task(register = false)]
async fn get_problem(info: TaskInfo) -> Problem {
    Problem { mine: info.mine }
}

#[test]
fn the_framework_refers_to_its_own_types() {
    let executor = testing::executor([task(get_problem)]).build().unwrap();
    let document = OpenApi::new("x", "1")
        .scope(&tasks_web::scope("/t", executor))
        .document();
    let target = |reference: &Value| {
        let pointer = reference.as_str().unwrap().trim_start_matches('#');
        document.pointer(pointer).unwrap().clone()
    };
    let execute = &document["paths"]["/t/get_problem/$execute"]["post"];
    let problem = &execute["responses"]["422"]["content"]["application/problem+json"]["schema"];
    assert!(target(&problem["$ref"])["properties"]["status"].is_object());
    let result = &execute["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
        ["result"];
    let result = result["anyOf"][0]
        .get("$ref")
        .or(result.get("$ref"))
        .unwrap();
    assert!(target(result)["properties"]["mine"].is_object());
    let info = &document["paths"]["/t/{name}"]["get"]["responses"]["200"]["content"]["application/json"]
        ["schema"];
    assert!(target(&info["$ref"])["properties"]["signature"].is_object());
    let input = &execute["requestBody"]["content"]["application/json"]["schema"]["properties"]["params"]
        ["properties"]["info"];
    assert!(target(&input["$ref"])["properties"]["mine"].is_object());
}

#[actix_web::test]
async fn a_document_does_not_depend_on_how_its_path_is_spelled() {
    let executor = testing::executor([task(get_problem)]).build().unwrap();
    let scope = tasks_web::scope("/t", executor);
    let app = init_service(App::new().service(web::scope("/internal").service(scope))).await;
    for path in ["/%69nternal/openapi.json", "/internal/openapi.json"] {
        let request = TestRequest::get().uri(path).to_request();
        let document: Value = call_and_read_body_json(&app, request).await;
        assert!(
            document["paths"]["/internal/t/get_problem/$execute"].is_object(),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn the_ui_can_be_at_the_root() {
    let executor = testing::executor([task(get_problem)]).build().unwrap();
    let scope = tasks_web::scope("/t", executor).without_docs();
    let api = OpenApi::new("<x>", "1").scope(&scope).ui_path("/");
    let app = init_service(App::new().service(scope).service(api)).await;
    let answer = call_service(&app, TestRequest::get().uri("/").to_request()).await;
    assert!(answer.status().is_success());
    let page = actix_web::test::read_body(answer).await;
    let page = String::from_utf8_lossy(&page).into_owned();
    // Its files are in a folder, its name is that of the document, and a phone shows it as wide as it is.
    for expected in [
        "<base href=\"docs/\">",
        "<title>&lt;x&gt;</title>",
        "name=\"viewport\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    let page = call_service(&app, TestRequest::get().uri("/docs/").to_request()).await;
    assert!(page.status().is_success());
}
