//! What becomes of the nodes of a graph when some of them have ended: rules without a database.

use super::state::{GraphStatus, NodeState, OnFailure, Stop};

/// A node comes after another one. Both are places in the list of nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) node: usize,
    pub(super) after: usize,
    pub(super) on_failure: OnFailure,
}

/// A node in a plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlanNode {
    pub(super) state: NodeState,
    pub(super) waits_for_any: bool,
    /// Whether some of its jobs were made and others are to be: it has not ended before those have.
    pub(super) has_jobs: bool,
}

/// The nodes of a graph, and which comes after which.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) nodes: Vec<PlanNode>,
    edges: Vec<Edge>,
    /// For each node the edges to those that it comes after.
    incoming: Vec<Vec<usize>>,
    pub(super) stop: Option<Stop>,
}

/// What one edge says of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// The other node has not ended.
    Wait,
    Go,
    Skip,
    FailGraph,
}

impl Plan {
    /// A plan of these nodes; edges that lead elsewhere are left out.
    pub(super) fn new(nodes: Vec<PlanNode>, mut edges: Vec<Edge>, stop: Option<Stop>) -> Self {
        edges.retain(|edge| edge.node < nodes.len() && edge.after < nodes.len());
        let mut incoming = vec![Vec::new(); nodes.len()];
        for (place, edge) in edges.iter().enumerate() {
            incoming[edge.node].push(place);
        }
        Self {
            nodes,
            edges,
            incoming,
            stop,
        }
    }

    /// The edges, each as its node and the one that it comes after.
    pub(super) fn edges(&self) -> impl Iterator<Item = (usize, usize)> {
        self.edges.iter().map(|edge| (edge.node, edge.after))
    }

    /// Has nodes that wait be ready, skipped or canceled, as those have ended that they come after.
    pub(super) fn settle(&mut self) {
        // What a node comes to may change those after it; each round settles one at least.
        loop {
            let mut has_changed = false;
            for place in 0..self.nodes.len() {
                let before = self.nodes[place].state;
                let after = self.next(place);
                self.nodes[place].state = after;
                has_changed |= before != after;
            }
            if !has_changed {
                return;
            }
        }
    }

    fn next(&mut self, place: usize) -> NodeState {
        let node = self.nodes[place];
        if !matches!(node.state, NodeState::Waiting | NodeState::Ready) {
            return node.state;
        }
        if self.stop.is_some() {
            return if node.has_jobs {
                NodeState::Open
            } else {
                NodeState::Canceled
            };
        }
        if node.state == NodeState::Ready {
            return node.state;
        }
        let says: Vec<Says> = self.incoming[place]
            .iter()
            .map(|edge| self.says(self.edges[*edge]))
            .collect();
        let any = |what| says.contains(&what);
        let next = if node.waits_for_any && any(Says::Go) {
            Says::Go
        } else if node.waits_for_any && any(Says::Wait) {
            Says::Wait
        } else if any(Says::FailGraph) {
            Says::FailGraph
        } else if any(Says::Wait) {
            // Also where it is to be skipped: which of the others ends first does not matter.
            Says::Wait
        } else if any(Says::Skip) {
            Says::Skip
        } else {
            Says::Go
        };
        match next {
            Says::Wait => NodeState::Waiting,
            Says::Go => NodeState::Ready,
            Says::Skip => NodeState::Skipped,
            Says::FailGraph => {
                self.stop = Some(Stop::Failed);
                NodeState::Canceled
            }
        }
    }

    fn says(&self, edge: Edge) -> Says {
        match (self.nodes[edge.after].state, edge.on_failure) {
            (NodeState::Waiting | NodeState::Ready | NodeState::Open, _) => Says::Wait,
            (NodeState::Completed, _)
            | (NodeState::Failed | NodeState::Canceled | NodeState::Skipped, OnFailure::Run) => {
                Says::Go
            }
            // It was left out on purpose, which is no failure.
            (NodeState::Skipped, _) | (_, OnFailure::Skip) => Says::Skip,
            (NodeState::Failed | NodeState::Canceled, OnFailure::Fail) => Says::FailGraph,
        }
    }

    /// How the graph has ended, if all of its nodes have.
    pub(super) fn end(&self) -> Option<GraphStatus> {
        if self.nodes.iter().any(|node| !node.state.has_ended()) {
            return None;
        }
        let mut is_last = vec![true; self.nodes.len()];
        for edge in &self.edges {
            is_last[edge.after] = false;
        }
        // Those after it have said what a failure means, if there are any.
        let lacks = |(node, is_last): (&PlanNode, &bool)| {
            *is_last && matches!(node.state, NodeState::Failed | NodeState::Canceled)
        };
        Some(match self.stop {
            Some(Stop::Canceled) => GraphStatus::Canceled,
            Some(Stop::Failed | Stop::Overdue) => GraphStatus::Failed,
            None if self.nodes.iter().zip(&is_last).any(lacks) => GraphStatus::Failed,
            None => GraphStatus::Completed,
        })
    }

    /// Has a node and those that come after it begin anew, as if the graph had just been submitted.
    pub(super) fn reset_from(&mut self, place: usize) {
        let mut ahead = vec![place];
        let mut seen = vec![false; self.nodes.len()];
        while let Some(place) = ahead.pop() {
            if std::mem::replace(&mut seen[place], true) {
                continue;
            }
            self.nodes[place].state = NodeState::Waiting;
            let after = self.edges.iter().filter(|edge| edge.after == place);
            ahead.extend(after.map(|edge| edge.node));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn on_failure() -> impl Strategy<Value = OnFailure> {
        prop_oneof![
            Just(OnFailure::Fail),
            Just(OnFailure::Skip),
            Just(OnFailure::Run)
        ]
    }

    /// A node: whether it waits for any, what it comes to, and what it comes after, as places among those before it.
    type Line = (bool, NodeState, Vec<(prop::sample::Index, OnFailure)>);

    fn line() -> impl Strategy<Value = Line> {
        let end = prop_oneof![
            3 => Just(NodeState::Completed),
            1 => Just(NodeState::Failed),
            1 => Just(NodeState::Canceled),
        ];
        let after = vec((any::<prop::sample::Index>(), on_failure()), 0..4);
        (any::<bool>(), end, after)
    }

    fn plan(lines: &[Line]) -> Plan {
        let mut edges: Vec<Edge> = Vec::new();
        for (node, (_, _, after)) in lines.iter().enumerate().skip(1) {
            for (index, on_failure) in after {
                let edge = Edge {
                    node,
                    after: index.index(node),
                    on_failure: *on_failure,
                };
                if !edges
                    .iter()
                    .any(|one| (one.node, one.after) == (edge.node, edge.after))
                {
                    edges.push(edge);
                }
            }
        }
        let node = |(waits_for_any, ..): &Line| PlanNode {
            state: NodeState::Waiting,
            waits_for_any: *waits_for_any,
            has_jobs: false,
        };
        Plan::new(lines.iter().map(node).collect(), edges, None)
    }

    /// What nodes come to if none waits for any, by a plain walk in their order; `None` if the graph fails.
    fn walk(plan: &Plan, lines: &[Line]) -> Option<Vec<NodeState>> {
        let mut ends = Vec::new();
        for (node, (_, end, _)) in lines.iter().enumerate() {
            let mut own = *end;
            for edge in plan.edges.iter().filter(|edge| edge.node == node) {
                let other: NodeState = ends[edge.after];
                match (other, edge.on_failure) {
                    (NodeState::Completed, _) | (_, OnFailure::Run) => {}
                    (NodeState::Skipped, _) | (_, OnFailure::Skip) => own = NodeState::Skipped,
                    (_, OnFailure::Fail) => return None,
                }
            }
            ends.push(own);
        }
        Some(ends)
    }

    proptest! {
        #[test]
        fn every_graph_ends_and_none_begins_too_early(
            lines in vec(line(), 1..12),
            order in vec(any::<prop::sample::Index>(), 12),
            waits in any::<bool>(),
        ) {
            let mut lines = lines;
            if !waits {
                lines.iter_mut().for_each(|line| line.0 = false);
            }
            let mut plan = plan(&lines);
            for index in &order {
                plan.settle();
                let is_open = |place: &usize| matches!(plan.nodes[*place].state, NodeState::Ready | NodeState::Open);
                let open: Vec<usize> = (0..lines.len()).filter(is_open).collect();
                for place in &open {
                    let node = plan.nodes[*place];
                    let mut says = plan.incoming[*place].iter().map(|edge| plan.says(plan.edges[*edge]));
                    let may_run = if node.waits_for_any && says.len() > 0 {
                        says.any(|one| one == Says::Go)
                    } else {
                        says.all(|one| one == Says::Go)
                    };
                    prop_assert!(may_run, "{place} of {plan:?}");
                    // Their jobs are there, so a stop does not cancel them.
                    plan.nodes[*place].state = NodeState::Open;
                }
                if open.is_empty() {
                    break;
                }
                let place = open[index.index(open.len())];
                plan.nodes[place].state = lines[place].1;
            }
            plan.settle();
            let end = plan.end();
            prop_assert!(end.is_some(), "{plan:?}");
            if !waits {
                match walk(&plan, &lines) {
                    Some(ends) => {
                        let states: Vec<NodeState> = plan.nodes.iter().map(|node| node.state).collect();
                        prop_assert_eq!(states, ends);
                        prop_assert_eq!(plan.stop, None);
                    }
                    None => {
                        prop_assert_eq!(plan.stop, Some(Stop::Failed));
                        prop_assert_eq!(end, Some(GraphStatus::Failed));
                    }
                }
            }
        }
    }
}
