//! Clients that are generated of the documents of all examples, and of types of all kinds, work.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use tasks_tests::generators::Clients;
use tasks_tests::process::Server;
use tasks_tests::{http, odd, openapi};

/// The examples that serve something.
const SERVICES: [&str; 5] = [
    "task-execution",
    "advanced-service",
    "artifact-service",
    "database-service",
    "telemetry-service",
];

/// The documents of a service in both versions.
async fn add(clients: &mut Clients, name: &str, base: &str) {
    for (query, suffix) in [("", ""), ("?version=3.0", "_3_0")] {
        let (_, document) = http::get(&format!("{base}/openapi.json{query}"))
            .await
            .unwrap();
        let name = format!("{}{suffix}", name.replace('-', "_"));
        if let Err(errors) = openapi::validate(&document) {
            panic!("{name}: {}", errors.join("\n"));
        }
        clients.add(&name, &document).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_all_documents_work() {
    let mut clients = Clients::new().unwrap();
    let mut called = None;
    for name in SERVICES {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}", folder.path().join("data.db").display());
        let environment = [("RUST_LOG", "warn"), ("DATABASE_URL", &database)];
        let server = Server::start(name, environment).unwrap();
        add(&mut clients, name, &server.base_url()).await;
        // The first one is called in the end.
        called.get_or_insert(server);
    }
    let app = odd::serve();
    add(&mut clients, "odd", &app.url("")).await;
    let url = called.unwrap();
    let url = url.base_url();
    clients.typescript().unwrap();
    clients.python(&url).unwrap();
    clients.rust(&url).unwrap();
}
