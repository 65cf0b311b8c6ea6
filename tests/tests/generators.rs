//! Clients that are generated of the documents of all examples, and of types of all kinds, work.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::path::Path;

use tasks_tests::app::Running;
use tasks_tests::generators::Clients;
use tasks_tests::process::Server;
use tasks_tests::{http, odd, openapi};
use tasks_web::prelude::*;
use tasks_web::{ApiKey, ApiKeys};

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

/// `UPDATE=1` writes the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_has_the_types_of_the_document() {
    let registry = TaskRegistry::builder().build().unwrap();
    let service = Service::builder(ServiceInfo::new("all", "All"))
        .with_tasks(registry)
        .with_jobs(Jobs::new())
        .with_artifacts(ArtifactHierarchy::new("all"))
        .with_health()
        .with_system()
        .with_auth(ApiKeys::new().key(ApiKey::new("ops", "ops-0123456789abcdef")))
        .build()
        .await
        .unwrap();
    service.startup().await.unwrap();
    let app = Running::service(&service);
    let (_, document) = http::get(&app.url("/openapi.json")).await.unwrap();
    let clients = Clients::new().unwrap();
    let types = clients.typescript_schemas(&document).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tasks-web/ui/src/api/schema.d.ts");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &types).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap();
    assert!(
        kept == types,
        "tasks-web/ui/src/api/schema.d.ts is not what the document says: run this test with UPDATE=1"
    );
    service.shutdown().await;
}
