//! What each method of the protocol answers.

use serde_json::{Value, json};

use super::json::quoted;
use super::peer::{Peer, TASKS_EXTENSION};
use super::reply::{Answer, Reply};
use super::request::Request;
use super::server::{LIST_TTL_MS, McpServer};
use super::tool::Target;
use super::tool_lists::ListKey;
use super::version::Version;
use crate::access::Access;

impl McpServer {
    /// What a request comes to.
    pub(super) async fn answer(&self, request: Request, peer: &Peer) -> Answer {
        match request {
            Request::Initialize { version } => Ok(self.initialize(&version)),
            Request::Discover => Ok(self.discover()),
            Request::Ping => Ok(Reply::new(String::new())),
            Request::ListTools => Ok(self.list_tools(peer)),
            Request::CallTool { name, arguments } => self.call(&name, &arguments, peer).await,
            Request::ListPrompts => Ok(self.list_prompts(peer)),
            Request::GetPrompt { name, arguments } => {
                self.get_prompt(&name, &arguments, peer).await
            }
            Request::Complete {
                reference,
                argument,
            } => self.complete(&reference, &argument, peer),
            Request::ListResources => self.list_resources(peer).await,
            Request::ListTemplates => Ok(self.list_templates(peer)),
            Request::ReadResource { uri } => self.read_resource(&uri, peer).await,
            #[cfg(feature = "database")]
            Request::GetTask { id } => self.get_task(&id, peer).await,
            #[cfg(feature = "database")]
            Request::UpdateTask { id, responses } => self.update_task(&id, &responses, peer).await,
            #[cfg(feature = "database")]
            Request::CancelTask { id } => self.cancel_task(&id, peer).await,
            #[cfg(feature = "database")]
            Request::Listen { id, task_ids } => self.listen(&id, &task_ids, peer).await,
        }
    }

    /// The answer to the handshake of clients before 2026-07-28.
    fn initialize(&self, wanted: &str) -> Reply {
        let known = Version::of(wanted).filter(|version| !version.is_stateless());
        let version = known.unwrap_or(Version::LATEST_WITH_HANDSHAKE);
        let mut members = format!(
            "\"protocolVersion\":\"{version}\",\"capabilities\":{},\"serverInfo\":{}",
            self.capabilities(version),
            self.identity
        );
        self.push_instructions(&mut members);
        Reply::new(members)
    }

    fn discover(&self) -> Reply {
        let versions = Version::ALL.map(Version::as_str);
        let mut members = format!(
            "\"supportedVersions\":{},\"capabilities\":{}",
            json!(versions),
            self.capabilities(Version::V2026_07_28)
        );
        self.push_instructions(&mut members);
        // It says nothing of what a key reaches.
        members.push_str(&format!(
            ",\"ttlMs\":{LIST_TTL_MS},\"cacheScope\":\"public\""
        ));
        Reply::new(members)
    }

    fn push_instructions(&self, members: &mut String) {
        if let Some(text) = &self.instructions {
            members.push_str(",\"instructions\":");
            members.push_str(&quoted(text));
        }
    }

    fn capabilities(&self, version: Version) -> Value {
        let mut capabilities =
            json!({"tools": {}, "resources": {}, "prompts": {}, "completions": {}});
        if version.is_stateless() && self.has_job_tools() {
            capabilities["extensions"] = json!({TASKS_EXTENSION: {}});
        }
        capabilities
    }

    fn list_tools(&self, peer: &Peer) -> Reply {
        let access = peer.access.as_ref();
        let key = ListKey {
            tags: access.and_then(|access| access.tags().map(<[String]>::to_vec)),
            read_only: access.is_some_and(Access::is_read_only),
            stateless: peer.version.is_stateless(),
        };
        let list = self.lists.get(key, || {
            let tools = self.tools.iter().filter(|tool| self.is_listed(tool, peer));
            let tools: Vec<&str> = tools.map(|tool| tool.definition(peer.version)).collect();
            let mut list = format!("\"tools\":[{}]", tools.join(","));
            if peer.version.is_stateless() {
                list.push(',');
                list.push_str(&self.caching());
            }
            list
        });
        Reply::new(list)
    }

    /// Calls a tool.
    async fn call(&self, name: &str, arguments: &str, peer: &Peer) -> Answer {
        let tool = self.find(name, peer)?;
        match tool.target {
            Target::Builtin(builtin) => self.call_builtin(builtin, arguments, peer).await,
            Target::Task { .. } => self.call_task_tool(tool, arguments, peer).await,
        }
    }
}
