//! What must not be possible over HTTP.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::{Value, json};
use tasks_tests::http;
use tasks_tests::process::Server;

/// JSON in JSON in JSON, each behind the key by which `serde_json`, if built so, would read it with a new limit of depth.
fn nested(levels: usize) -> String {
    let quoted = |json: &str| json.replace('\\', "\\u005c").replace('"', "\\u0022");
    let deep = |json: &str| format!("{}{json}{}", "[".repeat(120), "]".repeat(120));
    (0..levels).fold(deep("1"), |json, _| {
        deep(&format!(
            "{{\"$serde_json::private::RawValue\":\"{}\"}}",
            quoted(&json)
        ))
    })
}

/// It is refused for its depth: what would be read as JSON anew is a text, of no depth at all.
#[tokio::test]
async fn a_small_body_does_not_overflow_the_stack() {
    let server = Server::start("task-execution", [("RUST_LOG", "warn")]).unwrap();
    let body = format!("{{\"params\":{{\"data\":{{\"k\":{}}}}}}}", nested(10));
    let request = http::client()
        .unwrap()
        .post(server.url("/api/v1/tasks/quick_task/$execute"))
        .header(CONTENT_TYPE, "application/json")
        .body(body);
    let (status, answer) = http::answer(request).await.unwrap();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    assert_eq!(answer["errors"][0]["pointer"], "/params/data", "{answer}");
    let (status, _) = http::get(&server.url("/api/v1/tasks")).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{}", server.output());
}

#[tokio::test]
async fn another_site_cannot_run_tasks() {
    let server = Server::start("task-execution", [("RUST_LOG", "warn")]).unwrap();
    let request = || {
        http::client()
            .unwrap()
            .post(server.url("/api/v1/tasks/hello/$execute"))
    };
    let cross = || request().header("sec-fetch-site", "cross-site");
    let from = |origin: &str| request().header("origin", origin);
    // Browsers say no more than the origin where there is no TLS.
    let own = server.url("").trim_end_matches('/').to_owned();
    for refused in [
        from("http://evil.example"),
        from("null"),
        from(&format!("{own}0")),
        from("http://evil.example").header(CONTENT_TYPE, "application/x-www-form-urlencoded"),
        cross(),
        cross().header(CONTENT_TYPE, "application/x-www-form-urlencoded"),
        // A page of another port, or of a sibling domain.
        from(&format!("{own}0")).header("sec-fetch-site", "same-site"),
        from("http://evil.example").header("sec-fetch-site", "same-site"),
        request().header("sec-fetch-site", "same-site"),
    ] {
        let (status, problem) = http::answer(refused).await.unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN, "{problem}");
        assert_eq!(problem["type"], "urn:tasks:problem:cross-site-request");
    }
    for allowed in [
        request(),
        request().header("sec-fetch-site", "same-origin"),
        from(&own),
        request().header("sec-fetch-site", "none"),
        from(&own).header("sec-fetch-site", "same-site"),
        // A proxy has another `Host` than the browser.
        from("http://outside.example").header("sec-fetch-site", "same-origin"),
        from("http://evil.example").json(&json!({})),
        // A browser has asked before it sent this.
        cross().json(&json!({})),
    ] {
        let (status, answer) = http::answer(allowed).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_for_what_it_is() {
    let server = Server::start("task-execution", [("RUST_LOG", "warn")]).unwrap();
    let request = http::client()
        .unwrap()
        .post(server.url("/api/v1/tasks/hello/$execute"))
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_ENCODING, "gzip")
        .body("\u{1f}");
    let (status, problem): (StatusCode, Value) = http::answer(request).await.unwrap();
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(
        problem["detail"].as_str().unwrap().contains("gzip"),
        "{problem}"
    );
}
