//! Who sent a request, and what it can do.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use tasks_runtime::Caller;

use super::json::Object;
use super::message::Message;
use super::reports::Reports;
use super::version::Version;
use crate::access::Access;

/// The extension by which a call may be a task.
pub(super) const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// Whoever sent a request.
#[derive(Clone)]
pub(super) struct Peer {
    pub(super) version: Version,
    /// What its key reaches; `None` where no keys are asked for.
    pub(super) access: Option<Access>,
    pub(super) caller: Caller,
    pub(super) capabilities: Capabilities,
    /// What it is told while a call is under way.
    pub(super) reports: Arc<Reports>,
    /// Where it is, for the audit log.
    pub(super) address: Address,
}

/// Where a client is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Address {
    Network(IpAddr),
    /// It has started the program.
    Stdio,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(f),
            Self::Stdio => f.write_str("stdio"),
        }
    }
}

/// What a client can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// Look after a task.
    pub(super) tasks: bool,
    /// Ask a person.
    pub(super) elicitation: bool,
}

impl Capabilities {
    /// What a request says. Before 2026-07-28 none of this is for one request.
    pub(super) fn of(message: &Message<'_>, version: Version) -> Self {
        if !version.is_stateless() {
            return Self::default();
        }
        let said = message
            .meta
            .object("io.modelcontextprotocol/clientCapabilities");
        let Ok(Some(said)) = said else {
            return Self::default();
        };
        let extensions = said.object("extensions").ok().flatten().unwrap_or_default();
        let has = |object: &Object<'_>, name: &str| object.some(name).is_some();
        Self {
            tasks: has(&extensions, TASKS_EXTENSION),
            elicitation: has(&said, "elicitation"),
        }
    }
}
