//! Artifacts that are served, and a client of them.

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tasks_tests::app::Running;
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;
use tasks_web::artifacts::{ArtifactScope, ContentStore};
use tasks_web::prelude::*;

pub(crate) const NONE: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

/// Artifacts that are served, and a client of them.
pub(crate) struct Service {
    pub(crate) app: Running,
    pub(crate) manager: ArtifactManager,
    // Last: the database is gone after those that use it.
    pub(crate) test: TestDatabase,
}

impl Service {
    pub(crate) async fn start(test: TestDatabase) -> Self {
        Self::with(test, |scope| scope).await
    }

    pub(crate) async fn with(
        test: TestDatabase,
        options: impl Fn(ArtifactScope) -> ArtifactScope + Clone + Send + 'static,
    ) -> Self {
        let database = Database::from_url(test.url()).connect().await.unwrap();
        let hierarchy = ArtifactHierarchy::new("experiments")
            .level(0, "experiment")
            .level(1, "run");
        let manager = ArtifactManager::builder(database)
            .hierarchy(hierarchy)
            .store(ContentStore::local(test.folder().join("content")))
            .build()
            .unwrap();
        let served = manager.clone();
        let app = Running::start(move |config| {
            let scope = tasks_web::artifacts("/api/v1/artifacts", served.clone());
            config.service(options(scope));
        });
        Self { app, manager, test }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.app.url(&format!("/api/v1/artifacts{path}"));
        http::client().unwrap().request(method, url)
    }

    pub(crate) async fn json(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let response = self.request(method, path).json(body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        http::answer(self.request(Method::GET, path)).await.unwrap()
    }

    pub(crate) async fn create(&self, body: Value) -> Value {
        let (status, created) = self.json(Method::POST, "", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        created
    }

    /// Saves one, and gives its id.
    pub(crate) async fn save(&self, parent: Option<&str>) -> String {
        let created = self.create(json!({"data": {}, "parent_id": parent})).await;
        text(&created["id"])
    }

    pub(crate) async fn level(&self, id: &str) -> Value {
        self.get(&format!("/{id}")).await.1["level"].clone()
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) fn header(headers: &HeaderMap, name: impl reqwest::header::AsHeaderName) -> String {
    headers.get(name).unwrap().to_str().unwrap().to_owned()
}

/// Bytes that are not all the same.
pub(crate) fn content(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n * 31 % 251) as u8).collect()
}
