//! Makes jobs of nodes whose turn it is.

use std::collections::HashMap;

use super::graph_rows::GraphRow;
use super::items;
use super::node_rows::{self, NodeContent, NodeRow};
use super::plan::Plan;
use super::ready_node::{Begun, Budget, Ready, Results, again};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::scheduler::Scheduler;

/// Makes the jobs of these nodes.
pub(super) async fn begin(
    scheduler: &Scheduler,
    conn: &mut Connection,
    (graph, nodes, plan): (&GraphRow, &[NodeRow], &Plan),
    (ready, budget): (&[usize], &mut Budget),
) -> Result<Vec<(usize, Begun)>, JobError> {
    /// How many are read at once: their parameters may be long.
    const CHUNK: usize = 20;
    let executor = scheduler.executor()?;
    let ready = &ready[..ready.len().min(CHUNK)];
    let names: Vec<String> = ready
        .iter()
        .map(|place| nodes[*place].name.clone())
        .collect();
    let contents = node_rows::contents(conn, graph.id, &names).await?;
    let mut contents: HashMap<String, NodeContent> = contents
        .into_iter()
        .map(|content| (content.name.clone(), content))
        .collect();
    let mut results = Results::new(graph.id, nodes, plan);
    let mut begun = Vec::with_capacity(ready.len());
    for place in ready {
        // One at least: else none ever would.
        if !begun.is_empty() && budget.is_used_up() {
            break;
        }
        budget.add_node();
        if let Some(job) = nodes[*place].job_id
            && let Some(status) = again(scheduler, conn, job).await?
        {
            begun.push((*place, Begun::Again(status)));
            continue;
        }
        let one = match contents.remove(&nodes[*place].name) {
            Some(content) => {
                let entry = executor.registry().get(&nodes[*place].task_name)?;
                let of = Ready {
                    scheduler,
                    executor: &executor,
                    entry,
                    graph,
                };
                let node = &nodes[*place];
                if node.has_items() {
                    items::make(&of, conn, (node, content), &mut results, budget).await?
                } else {
                    of.begin(conn, content, &mut results).await?
                }
            }
            None => Begun::Later,
        };
        if let Begun::Job(row, _) = &one {
            budget.add_bytes(row.params.len());
        }
        budget.add_bytes(results.take_bytes());
        begun.push((*place, one));
    }
    Ok(begun)
}
