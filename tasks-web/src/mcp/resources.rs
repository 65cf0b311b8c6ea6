//! Resources: the documents of the service, its artifacts, and what the application adds.

use serde_json::{Value, json};
use tasks_runtime::RegisteredTask;

use super::error::McpError;
use super::peer::Peer;
use super::reply::{Answer, Reply};
use super::server::McpServer;
use super::task_page;

/// Where the OpenAPI document is.
const OPENAPI: &str = "tasks://openapi.json";

/// Where the documentation of one task is, before its name.
const TASK: &str = "tasks://tasks/";

/// The same as a template (RFC 6570).
pub(super) const TASK_TEMPLATE: &str = "tasks://tasks/{name}";

/// How much of an artifact is sent, in bytes.
#[cfg(feature = "database")]
const MAX_RESOURCE_BYTES: u64 = 1024 * 1024;

/// How many artifacts are listed: the latest.
#[cfg(feature = "database")]
const LISTED_ARTIFACTS: u64 = 100;

impl McpServer {
    /// The tasks that are tools or prompts for whoever asks.
    pub(super) fn documented_tasks<'a>(
        &'a self,
        peer: &'a Peer,
    ) -> impl Iterator<Item = &'a RegisteredTask> {
        let tools = self.tools.iter().map(|tool| tool.name.as_str());
        let prompts = self.prompts.iter().map(|prompt| prompt.name.as_str());
        let mut names: Vec<&str> = tools.chain(prompts).collect();
        names.sort_unstable();
        names.into_iter().filter_map(|name| self.task(name, peer))
    }

    pub(super) async fn list_resources(&self, peer: &Peer) -> Answer {
        let mut resources: Vec<Value> = Vec::new();
        if self.docs().is_some() {
            resources.push(json!({
                "uri": OPENAPI, "name": "openapi.json", "title": "OpenAPI document", "mimeType": "application/json",
                "description": "All that the service answers to over HTTP.",
            }));
        }
        for resource in &self.settings.resources {
            resources.push(json!({
                "uri": resource.uri, "name": resource.uri, "mimeType": resource.mime_type,
            }));
        }
        for task in self.documented_tasks(peer) {
            resources.push(json!({
                "uri": format!("{TASK}{}", task.name()), "name": task.name(), "mimeType": "text/markdown",
                "description": format!("Documentation of the task `{}`.", task.name()),
            }));
        }
        #[cfg(feature = "database")]
        resources.extend(self.listed_artifacts(peer).await?);
        let mut members = format!("\"resources\":{}", json!(resources));
        if peer.version.is_stateless() {
            members.push_str(",\"ttlMs\":0,\"cacheScope\":\"private\"");
        }
        Ok(Reply::new(members))
    }

    /// The latest artifacts. As over HTTP, a key that is limited reads those whose ids it has, and does not learn of others.
    #[cfg(feature = "database")]
    async fn listed_artifacts(&self, peer: &Peer) -> Result<Vec<Value>, McpError> {
        let is_limited = peer
            .access
            .as_ref()
            .is_some_and(|access| access.tags().is_some());
        let Some(artifacts) = self.artifacts.as_ref().filter(|_| !is_limited) else {
            return Ok(Vec::new());
        };
        let page = async |number: u64| {
            let page = artifacts.page(number, LISTED_ARTIFACTS).await;
            page.map_err(super::failures::artifact_failed)
        };
        // Pages have the oldest first.
        let first = page(1).await?;
        let mut latest = match first.pages {
            0 | 1 => first.items,
            pages => {
                let mut items = page(pages - 1).await?.items;
                items.extend(page(pages).await?.items);
                items
            }
        };
        latest.reverse();
        latest.truncate(usize::try_from(LISTED_ARTIFACTS).unwrap_or(usize::MAX));
        Ok(latest.iter().map(described).collect())
    }

    pub(super) fn templates(&self) -> Vec<Value> {
        let of_tasks = json!({
            "uriTemplate": TASK_TEMPLATE, "name": "task", "title": "Documentation of a task", "mimeType": "text/markdown",
            "description": "What a task does, its arguments and its result.",
        });
        std::iter::once(of_tasks)
            .chain(self.artifact_templates())
            .collect()
    }

    #[cfg(feature = "database")]
    fn artifact_templates(&self) -> Vec<Value> {
        let described = |(template, name, description)| json!({"uriTemplate": template, "name": name, "description": description});
        match &self.artifacts {
            Some(_) => super::artifact_uri::TEMPLATES.map(described).into(),
            None => Vec::new(),
        }
    }

    #[cfg(not(feature = "database"))]
    #[allow(clippy::unused_self, reason = "it is the same call with artifacts")]
    fn artifact_templates(&self) -> Vec<Value> {
        Vec::new()
    }

    pub(super) fn list_templates(&self, peer: &Peer) -> Reply {
        let mut members = format!("\"resourceTemplates\":{}", json!(self.templates()));
        if peer.version.is_stateless() {
            members.push(',');
            members.push_str(&self.caching());
        }
        Reply::new(members)
    }

    pub(super) async fn read_resource(&self, uri: &str, peer: &Peer) -> Answer {
        let contents = if uri == OPENAPI
            && let Some(docs) = self.docs()
        {
            let json = docs.json_for(peer.access.as_ref());
            json!({"uri": uri, "mimeType": "application/json", "text": String::from_utf8_lossy(&json)})
        } else if let Some(own) = self.settings.resources.iter().find(|own| own.uri == uri) {
            json!(own)
        } else if let Some(name) = uri.strip_prefix(TASK) {
            let task = self.documented_tasks(peer).find(|task| task.name() == name);
            let task = task.ok_or_else(|| not_found(uri))?;
            json!({"uri": uri, "mimeType": "text/markdown", "text": task_page::of(task)})
        } else {
            self.artifact(uri).await?
        };
        let mut members = format!("\"contents\":[{contents}]");
        if peer.version.is_stateless() {
            members.push_str(",\"ttlMs\":0,\"cacheScope\":\"private\"");
        }
        Ok(Reply::new(members))
    }

    #[cfg(not(feature = "database"))]
    #[allow(
        clippy::unused_async,
        clippy::unused_self,
        reason = "it is the same call with artifacts"
    )]
    async fn artifact(&self, uri: &str) -> Result<Value, McpError> {
        Err(not_found(uri))
    }

    #[cfg(feature = "database")]
    async fn artifact(&self, uri: &str) -> Result<Value, McpError> {
        let (Some((id, offset)), Some(artifacts)) =
            (super::artifact_uri::read(uri), &self.artifacts)
        else {
            return Err(not_found(uri));
        };
        let artifact = artifacts.find(id).await;
        let artifact = artifact.map_err(super::failures::artifact_failed)?;
        let artifact = artifact.ok_or_else(|| not_found(uri))?;
        let Some(info) = &artifact.content else {
            let data = artifact.data.as_ref().map_or("null", |data| data.as_str());
            let part = part(uri, data.len().try_into().unwrap_or(u64::MAX), offset)?;
            let bytes = data.as_bytes();
            let at = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
            let text = String::from_utf8_lossy(&bytes[at(part.start)..at(part.end)]);
            return Ok(json!({"uri": uri, "mimeType": "application/json", "text": text}));
        };
        let part = part(uri, info.size, offset)?;
        let content = artifacts.content(id).await;
        let content = content.map_err(super::failures::artifact_failed)?;
        let content = content.ok_or_else(|| not_found(uri))?;
        let bytes = collected(&content, part).await?;
        let kind = info.content_type.as_str();
        let is_text = kind.starts_with("text/")
            || kind.starts_with("application/json")
            || kind.contains("+json")
            || kind.contains("xml");
        Ok(match std::str::from_utf8(&bytes) {
            Ok(text) if is_text => json!({"uri": uri, "mimeType": kind, "text": text}),
            _ => {
                use base64::Engine as _;
                let blob = base64::engine::general_purpose::STANDARD.encode(&bytes);
                json!({"uri": uri, "mimeType": kind, "blob": blob})
            }
        })
    }
}

/// Which bytes of so many are sent.
#[cfg(feature = "database")]
fn part(uri: &str, size: u64, offset: Option<u64>) -> Result<std::ops::Range<u64>, McpError> {
    match offset {
        Some(offset) if offset < size => {
            Ok(offset..size.min(offset.saturating_add(MAX_RESOURCE_BYTES)))
        }
        Some(offset) => Err(McpError::invalid(format!(
            "`{uri}` begins at byte {offset}, and there are {size}"
        ))),
        None if size <= MAX_RESOURCE_BYTES => Ok(0..size),
        None => Err(McpError::invalid(format!(
            "`{uri}` has {size} bytes, and a resource is sent up to {MAX_RESOURCE_BYTES}: read it in parts, `{uri}/0`, `{uri}/{MAX_RESOURCE_BYTES}` and so on"
        ))),
    }
}

#[cfg(feature = "database")]
async fn collected(
    content: &tasks_runtime::artifacts::ArtifactContent,
    part: std::ops::Range<u64>,
) -> Result<Vec<u8>, McpError> {
    use futures_util::TryStreamExt as _;
    let failed = super::failures::artifact_failed;
    let mut stream = content.stream(part).await.map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.try_next().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn not_found(uri: &str) -> McpError {
    let shown: String = uri.chars().take(200).collect();
    McpError::invalid(format!("there is no resource `{shown}`")).with(json!({"uri": shown}))
}

#[cfg(feature = "database")]
fn described(artifact: &tasks_runtime::Artifact) -> Value {
    let content = artifact.content.as_ref();
    let name = content.and_then(|content| content.file_name.clone());
    let kind = content.map_or("application/json", |content| content.content_type.as_str());
    let mut resource = json!({
        "uri": super::artifact_uri::of(artifact.id),
        "name": name.unwrap_or_else(|| artifact.id.to_string()),
        "mimeType": kind,
        "annotations": {"lastModified": artifact.updated_at.to_rfc3339()},
    });
    if let Some(content) = content {
        resource["size"] = json!(content.size);
    }
    resource
}
