//! Answers to requests, as they are sent.

use std::sync::Arc;

use super::error::McpError;
use super::version::Version;

/// What a request comes to.
pub(super) type Answer = Result<Reply, McpError>;

/// A result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// What kind it is (2026-07-28): `complete`, or `task`.
    kind: &'static str,
    members: Members,
    /// The subscription that ends with it, as JSON.
    subscription: Option<String>,
}

/// The members of a result, as JSON without braces: made for one answer, or shared by many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Members {
    Own(String),
    Shared(Arc<str>),
}

impl From<String> for Members {
    fn from(members: String) -> Self {
        Self::Own(members)
    }
}

impl From<&str> for Members {
    fn from(members: &str) -> Self {
        Self::Own(members.to_owned())
    }
}

impl From<Arc<str>> for Members {
    fn from(members: Arc<str>) -> Self {
        Self::Shared(members)
    }
}

impl Members {
    fn as_str(&self) -> &str {
        match self {
            Self::Own(members) => members,
            Self::Shared(members) => members,
        }
    }
}

impl Reply {
    pub(super) fn new(members: impl Into<Members>) -> Self {
        Self {
            kind: "complete",
            members: members.into(),
            subscription: None,
        }
    }

    /// A task of the extension in place of the result.
    #[cfg(feature = "database")]
    pub(super) fn task(members: String) -> Self {
        Self {
            kind: "task",
            ..Self::new(members)
        }
    }

    /// The end of a subscription, which is named by the id of its request, as JSON.
    #[cfg(feature = "database")]
    pub(super) fn of_subscription(mut self, id: &str) -> Self {
        self.subscription = Some(id.to_owned());
        self
    }
}

/// The message that answers a request. `server` is who the server is, as JSON.
pub(super) fn write(id: &str, answer: &Answer, version: Version, server: &str) -> String {
    /// Of what is around them.
    const ROOM: usize = 160;
    let members = answer.as_ref().map_or("", |reply| reply.members.as_str());
    let mut json = String::with_capacity(id.len() + members.len() + server.len() + ROOM);
    json.push_str("{\"jsonrpc\":\"2.0\",\"id\":");
    json.push_str(id);
    match answer {
        Ok(reply) => {
            json.push_str(",\"result\":{");
            if version.is_stateless() {
                json.push_str("\"resultType\":\"");
                json.push_str(reply.kind);
                json.push_str("\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":");
                json.push_str(server);
                if let Some(id) = &reply.subscription {
                    json.push_str(",\"io.modelcontextprotocol/subscriptionId\":");
                    json.push_str(id);
                }
                json.push('}');
                if !members.is_empty() {
                    json.push(',');
                }
            }
            json.push_str(members);
            json.push('}');
        }
        Err(error) => {
            json.push_str(",\"error\":");
            json.push_str(&error.json());
        }
    }
    json.push('}');
    json
}

/// The message that answers one that could not be read as a request.
pub(super) fn write_error(id: Option<&str>, error: &McpError) -> String {
    let id = id.map(|id| format!("\"id\":{id},")).unwrap_or_default();
    format!("{{\"jsonrpc\":\"2.0\",{id}\"error\":{}}}", error.json())
}
