//! How the server is set up.

use std::time::Duration;

use super::content::{Content, EmbeddedResource};
use super::oauth::ProtectedResource;

/// What agents see of a service over the Model Context Protocol, for
/// [`ServiceBuilder::with_mcp_settings`](crate::ServiceBuilder::with_mcp_settings).
///
/// ```
/// use tasks_web::mcp::Mcp;
/// use tasks_web::prelude::*;
///
/// let builder = Service::builder(ServiceInfo::new("weather", "Weather"))
///     .with_mcp_settings(Mcp::new().tags(["agents"]).instructions("Ask for the forecast of one place at a time."));
/// # let _ = builder;
/// ```
#[derive(Clone, Debug)]
pub struct Mcp {
    pub(super) tags: Vec<String>,
    pub(super) catalog: bool,
    pub(super) instructions: Option<String>,
    pub(super) wait: Duration,
    pub(super) max_tools: usize,
    pub(super) max_result_size: usize,
    pub(super) oauth: Option<ProtectedResource>,
    pub(super) resources: Vec<EmbeddedResource>,
}

impl Default for Mcp {
    fn default() -> Self {
        Self::new()
    }
}

impl Mcp {
    /// Every task is a tool.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tags: Vec::new(),
            catalog: false,
            instructions: None,
            wait: Duration::from_secs(50),
            max_tools: 128,
            max_result_size: 60_000,
            oauth: None,
            resources: Vec::new(),
        }
    }

    /// Only tasks with one of these tags are tools and prompts. Defaults to all tasks that do not say `mcp = false`.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Lists three tools in place of one for each task: `search_tasks`, `describe_task` and `run_task`. For services with more than some
    /// 40 tasks, among which models get lost.
    #[must_use]
    pub fn catalog(mut self) -> Self {
        self.catalog = true;
        self
    }

    /// What a model is to know of the service before it uses a tool. Defaults to the description of the service.
    #[must_use]
    pub fn instructions(mut self, text: impl Into<String>) -> Self {
        self.instructions = Some(text.into());
        self
    }

    /// How long a call of a task that is a job is waited for, where the client shows progress; then the answer says how to ask for the rest. Hosts give up
    /// after 60 seconds and more. Defaults to 50 seconds.
    #[must_use]
    pub fn wait(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }

    /// How many tools there may be: more are an error of [`build`](crate::ServiceBuilder::build), since common hosts leave out the rest.
    /// Defaults to 128; from 41 on, a warning says that models choose worse.
    #[must_use]
    pub fn max_tools(mut self, count: usize) -> Self {
        self.max_tools = count;
        self
    }

    /// How many bytes of JSON a result may have that is sent as it is. A larger one is saved as an artifact, and the answer has its beginning and a link; in a
    /// service without artifacts it is sent as it is all the same. Defaults to 60,000, some 20,000 tokens.
    #[must_use]
    pub fn max_result_size(mut self, bytes: usize) -> Self {
        self.max_result_size = bytes;
        self
    }

    /// Adds a resource that agents may read, besides the artifacts and the documents of the service: a text or bytes, by its address. Everyone sees it who may use the
    /// server.
    ///
    /// ```
    /// use tasks_web::mcp::{Content, Mcp};
    ///
    /// let rules = Content::text_resource("rules://refunds", "# Refunds\n\nWithin 30 days.", "text/markdown");
    /// let mcp = Mcp::new().resource(rules);
    /// # let _ = mcp;
    /// ```
    ///
    /// # Panics
    ///
    /// When the content is no resource: see [`Content::text_resource`] and [`Content::binary_resource`].
    #[must_use]
    #[allow(
        clippy::panic,
        reason = "documented: it is a slip of whoever writes the program"
    )]
    pub fn resource(mut self, resource: Content) -> Self {
        match resource {
            Content::Resource { resource } => self.resources.push(resource),
            _ => panic!(
                "the content is no resource: use `Content::text_resource` or `Content::binary_resource`"
            ),
        }
        self
    }

    /// Says where clients get tokens, for a service behind an identity provider (RFC 9728): something in front of the service checks them.
    #[must_use]
    pub fn oauth(mut self, resource: ProtectedResource) -> Self {
        self.oauth = Some(resource);
        self
    }

    /// What a client without a key is told (RFC 9110, section 11.6.1). Without an identity provider, nothing that has hosts look for one.
    pub(crate) fn challenge(&self) -> String {
        self.oauth
            .as_ref()
            .map_or_else(|| "Bearer".to_owned(), ProtectedResource::challenge)
    }
}
