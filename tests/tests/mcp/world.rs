//! The service of these tests, and a client of it.

use std::time::Duration;

use reqwest::header::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks_tests::app::Running;
use tasks_tests::http;
use tasks_web::mcp::{Content, Mcp};
use tasks_web::prelude::*;
use tasks_web::{FailureCodes, ServiceBuilder};

pub(crate) const LATEST: &str = "2026-07-28";

/// Why there is no lamp.
#[derive(Debug, thiserror::Error, FailureCodes)]
pub(crate) enum LampError {
    #[error("no lamp is named `{name}`")]
    #[failure(code = "unknown-lamp", permanent, details)]
    Unknown { name: String },
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Lamp {
    name: String,
    on: bool,
    notes: Option<String>,
}

/// Finds a lamp.
///
/// Gives its state, see [`Lamp`].
#[task(tags = ["lamps"], read_only, open_world = false)]
async fn find_lamp(
    /// Name of the lamp.
    #[task(length(min = 2), example = "kitchen")]
    name: String,
) -> Result<Lamp, LampError> {
    match name.as_str() {
        "kitchen" => Ok(Lamp {
            name,
            on: true,
            notes: None,
        }),
        _ => Err(LampError::Unknown { name }),
    }
}

/// Switches lamps.
#[task(tags = ["lamps", "writes"], title = "Switch the lamps", icon = "https://example.org/lamp.svg", idempotent)]
async fn switch_lamps(names: Vec<String>, #[task(range(min = 0, max = 100))] level: u8) -> usize {
    names.len() * usize::from(level > 0)
}

/// Says a word.
#[task(tags = ["words"])]
async fn word() -> String {
    "a \"word\"\nof two lines".to_owned()
}

/// Takes a password.
#[task(tags = ["words"])]
async fn log_in(#[task(secret, length(min = 8))] password: String) -> bool {
    password.len() > 8
}

/// Panics.
#[task(tags = ["words"])]
async fn panicking() {
    panic!("loudly");
}

/// Gives as much text as is asked for.
#[task(tags = ["words"], read_only)]
async fn much(size: usize) -> String {
    "x".repeat(size)
}

/// Draws.
#[task(tags = ["words"], read_only)]
async fn draw() -> Vec<Content> {
    vec![Content::text("Here:"), Content::image(b"png", "image/png")]
}

/// Nobody's tool.
#[task(mcp = false)]
async fn hidden() {}

/// Works for a while, and reports it.
#[task(tags = ["slow"])]
async fn slow(context: TaskContext, milliseconds: u64) -> &'static str {
    context.progress(1, 2, "half");
    context.log("a line");
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    "done"
}

/// Works in the background.
#[task(tags = ["slow"], mcp = "job")]
async fn background(
    context: TaskContext,
    milliseconds: u64,
    fails: Option<bool>,
) -> anyhow::Result<Lamp> {
    context.progress(1, 3, "working");
    context.log("begun");
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    anyhow::ensure!(fails != Some(true), "it was to fail");
    Ok(Lamp {
        name: "background".to_owned(),
        on: true,
        notes: None,
    })
}

/// Waits for somebody.
#[task(tags = ["slow"], mcp = "job", events(approval: bool))]
async fn approve(context: TaskContext) -> anyhow::Result<bool> {
    Ok(context
        .wait_for("approval", Duration::from_secs(60))
        .await?)
}

/// Waits for somebody twice.
#[task(tags = ["slow"], mcp = "job", events(approval: bool))]
async fn approve_twice(context: TaskContext) -> anyhow::Result<bool> {
    let time = Duration::from_secs(60);
    let first: bool = context.wait_for("approval", time).await?;
    Ok(first && context.wait_for("approval", time).await?)
}

/// Gives much text as a job.
#[task(tags = ["slow"], mcp = "job")]
async fn large_job() -> String {
    "y".repeat(100_000)
}

/// One at a time.
#[task(tags = ["slow"], mcp = "job", unique = "params")]
async fn only_one() -> &'static str {
    tokio::time::sleep(Duration::from_secs(2)).await;
    "one"
}

/// Asks for a poem.
#[task(tags = ["words"], prompt)]
async fn poem(
    /// What it is about.
    topic: String,
    /// How many lines.
    #[task(range(min = 1, max = 20))]
    lines: Option<u8>,
    /// In which mood.
    #[task(one_of("glad", "grim"), default = "glad")]
    mood: String,
) -> String {
    format!(
        "Write a {mood} poem of {} lines about {topic}.",
        lines.unwrap_or(4)
    )
}

pub(crate) fn builder() -> ServiceBuilder {
    let registry = TaskRegistry::builder()
        .task(find_lamp)
        .task(switch_lamps)
        .task(word)
        .task(log_in)
        .task(panicking)
        .task(much)
        .task(draw)
        .task(hidden)
        .task(slow)
        .task(background)
        .task(approve)
        .task(approve_twice)
        .task(large_job)
        .task(only_one)
        .task(poem)
        .build()
        .unwrap();
    Service::builder(ServiceInfo::new("lamps", "Lamps").description("Looks after lamps."))
        .with_tasks(registry)
        .with_jobs(Jobs::new())
        .with_artifacts(ArtifactHierarchy::new("results"))
}

/// A service with a server of its own.
pub(crate) struct World {
    pub(crate) app: Running,
    pub(crate) service: Service,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(builder().with_mcp()).await
    }

    pub(crate) async fn with(settings: Mcp) -> Self {
        Self::of(builder().with_mcp_settings(settings)).await
    }

    pub(crate) async fn of(builder: ServiceBuilder) -> Self {
        let service = builder.build().await.unwrap();
        service.startup().await.unwrap();
        Self {
            app: Running::service(&service),
            service,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.app.url("/mcp"))
    }
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn result(&self) -> &Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.json.get("error").is_none(), "{self:?}");
        &self.json["result"]
    }

    pub(crate) fn error(&self) -> (u16, i64, &str) {
        let error = &self.json["error"];
        let code = error["code"].as_i64().unwrap_or_else(|| panic!("{self:?}"));
        (self.status, code, error["message"].as_str().unwrap())
    }
}

/// A client of one version, with a key or without.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) url: String,
    pub(crate) version: &'static str,
    pub(crate) capabilities: Value,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Client {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            version: LATEST,
            capabilities: json!({}),
            headers: Vec::new(),
        }
    }

    pub(crate) fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// One that looks after tasks, and asks a person.
    pub(crate) fn with_tasks(mut self) -> Self {
        self.capabilities =
            json!({"elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}});
        self
    }

    /// The message of a request, with what each has to say.
    pub(crate) fn message(&self, method: &str, params: Value) -> Value {
        let mut params = params;
        if self.version == LATEST {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!(self.version);
            meta["io.modelcontextprotocol/clientCapabilities"] = self.capabilities.clone();
            meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
        }
        json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
    }

    pub(crate) fn request(&self, method: &str, params: Value) -> reqwest::RequestBuilder {
        let message = self.message(method, params);
        let mut request = http::client()
            .unwrap()
            .post(&self.url)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", self.version)
            .json(&message);
        if self.version == LATEST {
            request = request.header("mcp-method", method);
            for member in ["name", "uri", "taskId"] {
                let named = matches!(
                    (method, member),
                    ("tools/call" | "prompts/get", "name")
                        | ("resources/read", "uri")
                        | ("tasks/get" | "tasks/update" | "tasks/cancel", "taskId")
                );
                if let Some(value) = message["params"][member].as_str().filter(|_| named) {
                    request = request.header("mcp-name", value);
                }
            }
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
    }

    pub(crate) async fn send(&self, method: &str, params: Value) -> Answer {
        read(self.request(method, params)).await
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments});
        self.send("tools/call", params).await.result().clone()
    }

    pub(crate) async fn tools(&self) -> Vec<Value> {
        let answer = self.send("tools/list", json!({})).await;
        answer.result()["tools"].as_array().unwrap().clone()
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        let tools = self.tools().await;
        tools
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The answer of a request, be it JSON or the last event of a stream.
pub(crate) async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let json = match events(&text).pop() {
        Some(last) => last,
        None => serde_json::from_str(&text).unwrap_or(Value::Null),
    };
    Answer {
        status,
        headers,
        json,
    }
}

/// The messages in a stream of events.
pub(crate) fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// The text of a result.
pub(crate) fn text(result: &Value) -> &str {
    result["content"][0]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("{result}"))
}
