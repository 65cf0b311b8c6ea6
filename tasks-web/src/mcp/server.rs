//! The server: which tools and prompts there are, and for whom.

use std::collections::HashMap;
use std::sync::OnceLock;

use actix_web::web::Bytes;
use foldhash::fast::RandomState;
use serde_json::json;
use tasks_runtime::__private::ToolKind;
use tasks_runtime::{RegisteredTask, TaskExecutor};
use tokio_util::sync::CancellationToken;

use super::builtin::Builtin;
use super::error::McpError;
use super::peer::Peer;
use super::prompt::Prompt;
use super::settings::Mcp;
use super::tool::{Storage, Target, Tool, may_call};
use super::tool_lists::ToolLists;
use crate::access::Access;
use crate::openapi::OpenApi;
use crate::service_info::ServiceInfo;

/// How long a client may take a list for current, in milliseconds: tools change with the program.
pub(super) const LIST_TTL_MS: u32 = 300_000;

/// From how many tools on models choose worse, and some hosts leave some out.
const MANY_TOOLS: usize = 40;

/// The server of a service.
pub(crate) struct McpServer {
    pub(super) executor: TaskExecutor,
    pub(super) settings: Mcp,
    /// Where it is, for the audit log.
    #[cfg_attr(
        not(feature = "database"),
        allow(dead_code, reason = "changes are of jobs")
    )]
    pub(super) path: String,
    /// Who it is, as JSON.
    pub(super) identity: String,
    pub(super) instructions: Option<String>,
    pub(super) tools: Vec<Tool>,
    by_name: HashMap<String, usize, RandomState>,
    pub(super) prompts: Vec<Prompt>,
    pub(super) lists: ToolLists,
    /// Whether keys are asked for, so that lists differ.
    pub(super) has_keys: bool,
    docs: OnceLock<OpenApi>,
    #[cfg(feature = "database")]
    pub(super) scheduler: Option<tasks_runtime::Scheduler>,
    #[cfg(feature = "database")]
    pub(super) artifacts: Option<tasks_runtime::ArtifactManager>,
    #[cfg(feature = "database")]
    pub(super) audit_log: Option<tasks_runtime::audit::AuditLog>,
    pub(super) stopping: CancellationToken,
}

/// What a server is made of.
pub(crate) struct ServerParts<'a> {
    pub(crate) settings: Mcp,
    pub(crate) path: &'a str,
    pub(crate) info: &'a ServiceInfo,
    pub(crate) executor: TaskExecutor,
    pub(crate) has_keys: bool,
    #[cfg(feature = "database")]
    pub(crate) scheduler: Option<tasks_runtime::Scheduler>,
    #[cfg(feature = "database")]
    pub(crate) artifacts: Option<tasks_runtime::ArtifactManager>,
    #[cfg(feature = "database")]
    pub(crate) audit_log: Option<tasks_runtime::audit::AuditLog>,
    pub(crate) stopping: CancellationToken,
}

impl ServerParts<'_> {
    /// Makes the server, and says what keeps tasks from being tools.
    pub(crate) fn build(self, problems: &mut Vec<String>) -> McpServer {
        if let Some(oauth) = &self.settings.oauth {
            oauth.check(problems);
        }
        let tags = &self.settings.tags;
        let is_chosen = |task: &&RegisteredTask| {
            tags.is_empty()
                || task
                    .tags()
                    .iter()
                    .any(|tag| tags.iter().any(|it| it == tag))
        };
        #[cfg(feature = "database")]
        let storage = Storage {
            jobs: self.scheduler.is_some(),
            artifacts: self.artifacts.is_some(),
            is_listed: !self.settings.catalog,
        };
        #[cfg(not(feature = "database"))]
        let storage = Storage {
            jobs: false,
            artifacts: false,
            is_listed: !self.settings.catalog,
        };
        let (mut tools, mut prompts) = (Vec::new(), Vec::new());
        for task in self.executor.registry().iter().filter(is_chosen) {
            match task.tool().kind {
                ToolKind::Hidden => {}
                ToolKind::Prompt => prompts.push(Prompt::of(task)),
                ToolKind::Tool => tools.push(Tool::of_task(task, storage, problems)),
                ToolKind::Job => {
                    if !storage.jobs {
                        problems.push(format!(
                            "agents' calls of the task `{}` are jobs (`mcp = \"job\"`), and the service has none: call `with_jobs`",
                            task.name()
                        ));
                    }
                    tools.push(Tool::of_task(task, storage, problems));
                }
            }
        }
        check_count(&self.settings, tools.len(), problems);
        let has_jobs = tools.iter().any(Tool::is_job);
        if self.settings.catalog {
            tools.extend(Builtin::CATALOG.map(Tool::builtin));
        }
        if has_jobs {
            tools.extend(Builtin::JOBS.map(Tool::builtin));
        }
        let mut by_name = HashMap::default();
        for (index, tool) in tools.iter().enumerate() {
            if by_name.insert(tool.name.clone(), index).is_some() {
                problems.push(format!(
                    "the task `{}` has the name of a tool that the MCP server has of its own: give it another one, or say `mcp = false`",
                    tool.name
                ));
            }
        }
        let info = self.info;
        let mut identity = json!({
            "name": info.id,
            "title": info.display_name,
            "version": info.version,
        });
        if let Some(text) = &info.description {
            identity["description"] = json!(text);
        }
        let instructions = self.settings.instructions.clone();
        McpServer {
            executor: self.executor,
            path: self.path.to_owned(),
            identity: identity.to_string(),
            instructions: instructions.or_else(|| info.description.clone()),
            settings: self.settings,
            tools,
            by_name,
            prompts,
            lists: ToolLists::default(),
            has_keys: self.has_keys,
            docs: OnceLock::new(),
            #[cfg(feature = "database")]
            scheduler: self.scheduler,
            #[cfg(feature = "database")]
            artifacts: self.artifacts,
            #[cfg(feature = "database")]
            audit_log: self.audit_log,
            stopping: self.stopping,
        }
    }
}

fn check_count(settings: &Mcp, count: usize, problems: &mut Vec<String>) {
    if settings.catalog || count <= MANY_TOOLS {
        return;
    }
    let remedy = "choose some by `Mcp::tags`, leave some out by `#[task(mcp = false)]`, or list three tools for all by `Mcp::catalog`";
    if count > settings.max_tools {
        problems.push(format!(
            "{count} tasks are tools for agents, and common hosts take no more than {}: {remedy}; `Mcp::max_tools` allows more",
            settings.max_tools
        ));
    } else {
        tracing::warn!(
            tools = count,
            "many tools for agents: models choose worse among more than {MANY_TOOLS}, and some hosts leave some out; {remedy}"
        );
    }
}

impl McpServer {
    /// Sets the OpenAPI document, which is made after all parts of the service.
    pub(crate) fn set_docs(&self, docs: OpenApi) {
        // Once: a second one would be the same.
        let _ = self.docs.set(docs);
    }

    pub(super) fn docs(&self) -> Option<&OpenApi> {
        self.docs.get()
    }

    /// The document about the identity provider, if there is one.
    pub(super) fn oauth_document(&self) -> Option<Bytes> {
        let oauth = self.settings.oauth.as_ref()?;
        Some(oauth.document().to_string().into())
    }

    pub(super) fn has_job_tools(&self) -> bool {
        self.tools.iter().any(Tool::is_job)
    }

    /// For how long a list counts, and for whom.
    pub(super) fn caching(&self) -> String {
        let scope = if self.has_keys { "private" } else { "public" };
        format!("\"ttlMs\":{LIST_TTL_MS},\"cacheScope\":\"{scope}\"")
    }

    /// The task of a tool, if whoever asks may run it.
    pub(super) fn task(&self, name: &str, peer: &Peer) -> Option<&RegisteredTask> {
        let task = self.executor.registry().get(name).ok()?;
        may_call(peer.access.as_ref(), task).then_some(task)
    }

    /// Whether a tool is there for whoever asks.
    pub(super) fn is_visible(&self, tool: &Tool, peer: &Peer) -> bool {
        if peer.access.is_none() {
            return true;
        }
        match tool.target {
            Target::Task { .. } => self.task(&tool.name, peer).is_some(),
            Target::Builtin(builtin) if Builtin::JOBS.contains(&builtin) => {
                let is_read_only = peer.access.as_ref().is_some_and(Access::is_read_only);
                (tool.read_only || !is_read_only)
                    && self
                        .tools
                        .iter()
                        .any(|tool| tool.is_job() && self.task(&tool.name, peer).is_some())
            }
            Target::Builtin(_) => true,
        }
    }

    /// Whether a tool is in the list: of a catalog, only those that lead to the others.
    pub(super) fn is_listed(&self, tool: &Tool, peer: &Peer) -> bool {
        let is_task = matches!(tool.target, Target::Task { .. });
        !(self.settings.catalog && is_task) && self.is_visible(tool, peer)
    }

    /// The tool of this name, if it is there for whoever asks.
    pub(super) fn find(&self, name: &str, peer: &Peer) -> Result<&Tool, McpError> {
        let tool = self
            .by_name
            .get(name)
            .and_then(|index| self.tools.get(*index));
        if let Some(tool) = tool.filter(|tool| self.is_visible(tool, peer)) {
            return Ok(tool);
        }
        let visible = self.tools.iter().filter(|tool| self.is_visible(tool, peer));
        let known = visible.map(|tool| tool.name.as_str());
        let nearest = tasks_runtime::shared::nearest(name, known, 3);
        let shown: String = name.chars().take(100).collect();
        let mut message = format!("there is no tool `{shown}`");
        if !nearest.is_empty() {
            message.push_str(&format!("; did you mean `{}`?", nearest.join("`, `")));
        }
        Err(McpError::invalid(message).with(json!({"nearest": nearest})))
    }
}
