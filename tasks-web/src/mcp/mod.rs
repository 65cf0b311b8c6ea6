//! The tasks of a service as tools for agents: a server of the [Model Context Protocol](https://modelcontextprotocol.io), of its versions
//! 2026-07-28, 2025-11-25, 2025-06-18 and 2025-03-26, over HTTP and over standard input and output.
//!
//! [`ServiceBuilder::with_mcp`](crate::ServiceBuilder::with_mcp) turns it on, and [`Mcp`] sets it up.

mod arguments;
#[cfg(feature = "database")]
mod artifact_uri;
mod builtin;
mod builtin_calls;
mod completion;
mod content;
mod conversation;
mod dispatch;
mod error;
mod failures;
mod headers;
mod http;
#[cfg(feature = "database")]
mod input_form;
#[cfg(feature = "database")]
mod job_calls;
#[cfg(feature = "database")]
mod job_changes;
#[cfg(feature = "database")]
mod job_results;
#[cfg(feature = "database")]
mod job_tools;
mod json;
#[cfg(feature = "database")]
mod large_result;
mod message;
mod oauth;
mod part;
mod peer;
mod prompt;
mod prompts;
mod reply;
mod reports;
mod request;
mod resources;
mod result;
mod schema;
mod server;
mod settings;
mod stdio;
mod task_calls;
#[cfg(feature = "database")]
mod task_extension;
mod task_page;
#[cfg(feature = "database")]
mod task_state;
mod tool;
mod tool_lists;
mod version;

pub use self::content::{Content, EmbeddedResource, PromptMessage, PromptRole};
pub use self::oauth::ProtectedResource;
pub(crate) use self::part::{EndpointConfig, part};
pub(crate) use self::server::{McpServer, ServerParts};
pub use self::settings::Mcp;
pub(crate) use self::stdio::{lines as stdin_lines, serve as serve_stdio};
