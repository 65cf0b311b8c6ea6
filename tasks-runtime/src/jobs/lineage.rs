//! Which jobs a job comes from, and which come from it.

use schemars::JsonSchema;
use serde::Serialize;

use super::graphs::JobGraphNode;
use super::id::JobId;

/// Which jobs a job comes from, and which come from it. Of each list the newest 100.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct JobLineage {
    /// Job whose code submitted this one. It may be deleted by now.
    pub parent: Option<JobId>,
    /// Job that this one runs again, with the same parameters or changed ones. It may be deleted by now.
    pub rerun_of: Option<JobId>,
    /// Jobs that the code of this one submitted, newest first.
    pub children: Vec<JobId>,
    /// Jobs that run this one again, newest first.
    pub reruns: Vec<JobId>,
    /// Nodes of graphs that it belongs to, of the newest graphs first.
    pub graphs: Vec<JobGraphNode>,
}
