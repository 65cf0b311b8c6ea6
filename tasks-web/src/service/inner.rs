//! What all clones and workers of a service share.

use std::fmt;
use std::sync::Arc;

use actix_web::web::ServiceConfig;
use tasks_runtime::TaskExecutor;
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::listen::Listen;
use super::management::Management;
use super::middleware::Policy;
use crate::cors::Cors;
use crate::hooks::Hook;
use crate::http::TrustedProxies;
use crate::mcp::McpServer;
use crate::openapi::OpenApi;
use crate::part::Part;
use crate::tasks::TaskScope;

/// Registers routes of the application's own, once per worker.
pub(crate) type Mount = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// What all clones and workers of a service share.
pub(crate) struct Inner {
    pub(crate) executor: TaskExecutor,
    #[cfg(feature = "database")]
    pub(crate) made: super::storage_parts::StorageParts,
    pub(crate) tasks: TaskScope,
    pub(crate) docs: Option<OpenApi>,
    pub(crate) mcp: Option<Arc<McpServer>>,
    pub(crate) parts: Vec<Part>,
    /// Its port, unless everything is on one.
    pub(crate) management: Option<Arc<Management>>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) policy: Policy,
    /// Where keys are asked for.
    pub(crate) gate: Option<Gate>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) cors: Option<Cors>,
    pub(crate) startup: Vec<Hook>,
    pub(crate) shutdown: Vec<Hook>,
    pub(crate) listen: Listen,
    /// Whether other machines must not reach it: it has a dashboard, and asks for no keys.
    pub(crate) only_loopback: bool,
    /// Whether nothing but its address keeps others away: there are no keys, and no proxies are known of.
    pub(crate) is_unguarded: bool,
    /// Canceled when the service is to stop, so that streams end.
    pub(crate) stopping: CancellationToken,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}
