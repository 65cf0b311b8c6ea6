//! Whether agents may use the tasks, and how.

use super::ServiceBuilder;
use crate::mcp::Mcp;

impl ServiceBuilder {
    /// Makes the tasks tools for agents: a server of the [Model Context Protocol](crate::mcp) at `/mcp`.
    ///
    /// Every task is a tool that does not say `#[task(mcp = false)]`, with the schemas, the validation, the limits and the keys that it has over HTTP. With
    /// [`with_auth`](Self::with_auth), a client sends its key as `Authorization: Bearer …` or in the header of the keys, and sees the tools that
    /// the key reaches; one that is read-only sees tasks that are `#[task(read_only)]`.
    ///
    /// ```
    /// use tasks_web::prelude::*;
    ///
    /// let builder = Service::builder(ServiceInfo::new("a-service", "A service")).with_mcp();
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn with_mcp(mut self) -> Self {
        self.mcp_on = true;
        self
    }

    /// The same with other settings: which tasks are tools, and what agents are told.
    #[must_use]
    pub fn with_mcp_settings(mut self, settings: Mcp) -> Self {
        self.mcp.set(settings);
        self.with_mcp()
    }

    /// Where the MCP server is. Defaults to `/mcp`.
    #[must_use]
    pub fn mcp_at(mut self, path: &str) -> Self {
        self.paths.mcp.agree(path.to_owned());
        self
    }
}
