//! Clients of the Model Context Protocol that others wrote get along with a service: the conformance suite, the inspector, and the
//! libraries for JavaScript and Python.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::Path;

use serde_json::json;
use tasks_tests::mcp::Clients;
use tasks_tests::process::Server;

const FIXTURES: &str = env!("CARGO_BIN_EXE_mcp-fixtures");

fn serve() -> Server {
    let environment = [("LOG_LEVEL", "warn"), ("DATABASE_URL", "sqlite::memory:")];
    Server::start_program(Path::new(FIXTURES), environment).unwrap()
}

/// The log says more than a client that is told of an internal error.
fn check(result: anyhow::Result<()>, server: &Server) {
    if let Err(error) = result {
        panic!("{error:#}\n{}", server.output());
    }
}

async fn conformance(revision: &str, scenarios: usize) {
    let server = serve();
    let clients = Clients::installed().unwrap();
    let url = server.url("/mcp");
    check(
        clients.conformance(&url, revision, scenarios).await,
        &server,
    );
}

#[tokio::test]
async fn conformance_to_2025_06_18() {
    conformance("2025-06-18", 27).await;
}

#[tokio::test]
async fn conformance_to_2025_11_25() {
    conformance("2025-11-25", 33).await;
}

/// The extension for tasks is part of it.
#[tokio::test]
async fn conformance_to_2026_07_28() {
    conformance("2026-07-28", 50).await;
}

/// What the inspector does in an era of the protocol, of which the later one knows structured results that are no objects.
async fn inspected(era: &str, structured: fn(&str) -> serde_json::Value) {
    let server = serve();
    let clients = Clients::installed().unwrap();
    let url = server.url("/mcp");
    let ask = async |method: &[&str]| {
        let common = ["--protocol-era", era, "--header", "X-Trace: inspected"];
        let arguments = [&common[..], &["--method"], method].concat();
        match clients.inspector(&url, &arguments).await {
            Ok(result) => result,
            Err(error) => panic!("{error:#}\n{}", server.output()),
        }
    };

    let tools = ask(&["tools/list"]).await;
    let mut tools = tools["tools"].as_array().unwrap().iter();
    let greet = tools.find(|tool| tool["name"] == "greet").unwrap();
    assert_eq!(greet["description"], "Greets somebody.", "{greet}");

    let call = [
        "tools/call",
        "--tool-name",
        "greet",
        "--tool-arg",
        "name=Bob",
    ];
    let result = ask(&call).await;
    let text = json!([{ "type": "text", "text": "Hello, Bob!" }]);
    assert_eq!(result["content"], text, "{result}");
    assert_eq!(result["isError"], false, "{result}");
    assert_eq!(
        result["structuredContent"],
        structured("Hello, Bob!"),
        "{result}"
    );

    // With the extension for tasks it asks for the job until that is done.
    let arguments = r#"{"seconds":0.5,"label":"slowly"}"#;
    let call = ["tools/call", "--tool-name", "slow_compute"];
    let result = ask(&[&call[..], &["--tool-args-json", arguments]].concat()).await;
    assert_eq!(
        result["structuredContent"],
        structured("slowly"),
        "{result}"
    );
}

#[tokio::test]
async fn the_inspector_with_a_handshake() {
    inspected("legacy", |text| json!({ "result": text })).await;
}

#[tokio::test]
async fn the_inspector_without_a_handshake() {
    inspected("modern", |text| json!(text)).await;
}

#[tokio::test]
async fn the_clients_for_javascript() {
    let server = serve();
    let clients = Clients::installed().unwrap();
    check(clients.javascript(&server.url("/mcp")).await, &server);
    clients.javascript(FIXTURES).await.unwrap();
}

#[tokio::test]
async fn the_client_for_python() {
    let server = serve();
    let clients = Clients::installed().unwrap();
    check(clients.python(&server.url("/mcp")).await, &server);
    clients.python(FIXTURES).await.unwrap();
}
