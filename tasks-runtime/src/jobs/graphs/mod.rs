//! Graphs of jobs: jobs that come after one another.
//!
//! A graph is rows of its own. A node becomes a job when it is its turn, and not before; what has become of jobs is looked up, and nothing is written for graphs
//! where jobs end, so jobs of no graph cost what they cost without graphs.

mod advance;
mod begin;
mod checked_graph;
mod checked_node;
mod for_each;
mod graph;
mod graph_rows;
mod input;
mod item_record;
mod item_rows;
mod items;
mod job_nodes;
mod node;
mod node_rows;
mod plan;
mod prune;
mod ready_node;
mod record;
mod requests;
mod schema_check;
mod state;
mod tables;
mod watch;

pub use checked_graph::SubmittedGraph;
pub use graph::Graph;
pub use input::{FromNode, each, from};
pub use item_record::{GraphItemCounts, GraphItemRecord};
pub use job_nodes::JobGraphNode;
pub(super) use job_nodes::nodes_of_job;
pub use node::GraphNode;
pub(super) use node_rows::ready_tasks;
pub(super) use prune::prune;
pub use record::{GraphEdgeRecord, GraphNodeCounts, GraphNodeRecord, GraphRecord};
pub use state::{GraphNodeStatus, GraphStatus, OnFailure};
pub(super) use watch::LeftAside;
