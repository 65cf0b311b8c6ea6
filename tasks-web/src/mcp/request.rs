//! Requests, read from messages.

use super::error::McpError;
use super::json::Object;
use super::message::Message;
use super::version::Version;

/// A request, with what its method needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Initialize {
        version: String,
    },
    Discover,
    Ping,
    ListTools,
    CallTool {
        name: String,
        arguments: String,
    },
    ListPrompts,
    GetPrompt {
        name: String,
        arguments: String,
    },
    Complete {
        reference: Reference,
        argument: CompletedArgument,
    },
    ListResources,
    ListTemplates,
    ReadResource {
        uri: String,
    },
    #[cfg(feature = "database")]
    GetTask {
        id: String,
    },
    #[cfg(feature = "database")]
    UpdateTask {
        id: String,
        /// An object, as JSON.
        responses: String,
    },
    #[cfg(feature = "database")]
    CancelTask {
        id: String,
    },
    #[cfg(feature = "database")]
    Listen {
        /// The id of the request, as JSON.
        id: String,
        task_ids: Vec<String>,
    },
}

/// What is completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Prompt(String),
    Template(String),
}

/// The argument that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CompletedArgument {
    pub(super) name: String,
    pub(super) value: String,
}

/// What a header repeats of a request (2026-07-28, Standard Request Headers).
pub(super) fn named(message: &Message<'_>) -> Option<&'static str> {
    match &*message.method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

impl Request {
    /// Whether its answer is a stream that goes on until the client ends it.
    pub(super) fn listens(&self) -> bool {
        #[cfg(feature = "database")]
        return matches!(self, Self::Listen { .. });
        #[cfg(not(feature = "database"))]
        false
    }

    /// Reads a message that is a request, by a version that is known.
    pub(super) fn of(message: &Message<'_>, version: Version) -> Result<Self, McpError> {
        let text = |name: &str| message.text(name).map(std::borrow::Cow::into_owned);
        let before = !version.is_stateless();
        if message.method.ends_with("/list") && message.params.some("cursor").is_some() {
            return Err(McpError::invalid(
                "there is one page, and no `cursor` leads to another",
            ));
        }
        Ok(match &*message.method {
            "initialize" if before => Self::Initialize {
                version: text("protocolVersion")?,
            },
            "ping" if before => Self::Ping,
            "server/discover" if !before => Self::Discover,
            "tools/list" => Self::ListTools,
            "tools/call" => Self::CallTool {
                name: text("name")?,
                arguments: arguments(message)?,
            },
            "prompts/list" => Self::ListPrompts,
            "prompts/get" => Self::GetPrompt {
                name: text("name")?,
                arguments: arguments(message)?,
            },
            "completion/complete" => Self::Complete {
                reference: reference(message)?,
                argument: completed(message)?,
            },
            "resources/list" => Self::ListResources,
            "resources/templates/list" => Self::ListTemplates,
            "resources/read" => Self::ReadResource { uri: text("uri")? },
            #[cfg(feature = "database")]
            "tasks/get" if !before => Self::GetTask {
                id: text("taskId")?,
            },
            #[cfg(feature = "database")]
            "tasks/update" if !before => Self::UpdateTask {
                id: text("taskId")?,
                responses: object(message, "inputResponses")?,
            },
            #[cfg(feature = "database")]
            "tasks/cancel" if !before => Self::CancelTask {
                id: text("taskId")?,
            },
            #[cfg(feature = "database")]
            "subscriptions/listen" if !before => Self::Listen {
                id: message.id.unwrap_or("null").to_owned(),
                task_ids: task_ids(message)?,
            },
            other => return Err(McpError::unknown_method(other)),
        })
    }
}

/// The arguments of a call, as JSON: an object.
fn arguments(message: &Message<'_>) -> Result<String, McpError> {
    object(message, "arguments")
}

fn object(message: &Message<'_>, name: &str) -> Result<String, McpError> {
    match message.params.some(name) {
        None => Ok("{}".to_owned()),
        Some(json) if json.starts_with('{') => Ok(json.to_owned()),
        Some(_) => Err(McpError::invalid(format!("`{name}` is an object"))),
    }
}

fn reference(message: &Message<'_>) -> Result<Reference, McpError> {
    let wrong = || {
        McpError::invalid(
            "`ref` is a prompt, `{\"type\": \"ref/prompt\", \"name\": …}`, or a template, `{\"type\": \"ref/resource\", \"uri\": …}`",
        )
    };
    let reference = message.params.object("ref").map_err(|_| wrong())?;
    let reference = reference.ok_or_else(wrong)?;
    let text = |name: &str| reference.text(name).ok().flatten();
    match (text("type").as_deref(), text("name"), text("uri")) {
        (Some("ref/prompt"), Some(name), _) => Ok(Reference::Prompt(name.into_owned())),
        (Some("ref/resource"), _, Some(uri)) => Ok(Reference::Template(uri.into_owned())),
        _ => Err(wrong()),
    }
}

fn completed(message: &Message<'_>) -> Result<CompletedArgument, McpError> {
    let wrong = || McpError::invalid("`argument` has a `name` and a `value`, which are texts");
    let argument = message.params.object("argument").map_err(|_| wrong())?;
    let argument: Object<'_> = argument.ok_or_else(wrong)?;
    let text = |name: &str| argument.text(name).ok().flatten().ok_or_else(wrong);
    Ok(CompletedArgument {
        name: text("name")?.into_owned(),
        value: text("value")?.into_owned(),
    })
}

/// The tasks that a client wants to hear of.
#[cfg(feature = "database")]
fn task_ids(message: &Message<'_>) -> Result<Vec<String>, McpError> {
    const WRONG: &str = "`notifications` is an object, and `taskIds` in it a list of texts";
    let wanted = message.params.object("notifications");
    let wanted = wanted
        .map_err(|_| McpError::invalid(WRONG))?
        .unwrap_or_default();
    match wanted.some("taskIds") {
        None => Ok(Vec::new()),
        Some(list) => serde_json::from_str(list).map_err(|_| McpError::invalid(WRONG)),
    }
}
