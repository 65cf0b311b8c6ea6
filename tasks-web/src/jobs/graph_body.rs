//! The body that a graph of jobs is submitted with.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use tasks_runtime::jobs::{Graph, GraphNode, MAX_GRAPH_NODES, OnFailure, Scheduler, each, from};

use crate::http::duration::Seconds;
use crate::http::members;

/// What is sent to submit a graph.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GraphIn {
    /// What it is about.
    #[serde(default)]
    #[schemars(length(max = 4096), extend("pattern" = members::STORABLE))]
    description: Option<String>,
    /// How long it may take; after that it fails: seconds, or a text like `2s`, `5m`, `1h30m`.
    #[serde(default)]
    #[schemars(schema_with = "timeout")]
    deadline: Option<Timeout>,
    /// Its nodes, by their names.
    nodes: NodesIn,
}

/// The nodes of a graph, in the order in which they are sent.
#[derive(Debug)]
struct NodesIn(Vec<(String, NodeIn)>);

/// A node that is an object: serde takes a list for a struct as well.
#[derive(Deserialize)]
struct Node(#[serde(deserialize_with = "members::object")] NodeIn);

/// What a node takes from another one, as an object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
struct InputObject(#[serde(deserialize_with = "members::object")] InputIn);

/// What a node comes after, as an object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
struct AfterObject(#[serde(deserialize_with = "members::object")] AfterIn);

impl<'de> Deserialize<'de> for NodesIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nodes;

        impl<'de> Visitor<'de> for Nodes {
            type Value = NodesIn;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of nodes by their names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NodesIn, A::Error> {
                let mut nodes: Vec<(String, NodeIn)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if nodes.len() >= MAX_GRAPH_NODES {
                        let words = format!("a graph has at most {MAX_GRAPH_NODES} nodes");
                        return Err(A::Error::custom(words));
                    }
                    let Node(node) = map.next_value()?;
                    nodes.push((name, node));
                }
                Ok(NodesIn(nodes))
            }
        }

        deserializer.deserialize_map(Nodes)
    }
}

impl JsonSchema for NodesIn {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NodesIn".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let node = generator.subschema_for::<NodeIn>();
        json_schema!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": MAX_GRAPH_NODES,
            "propertyNames": {"pattern": "^[A-Za-z0-9_-]{1,64}$"},
            "additionalProperties": node,
        })
    }
}

/// A node of a graph.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GraphNodeIn")]
struct NodeIn {
    /// The task that it runs.
    task: String,
    /// Its parameters, but for those in `inputs`.
    #[serde(default)]
    params: Map<String, Value>,
    /// Parameters that are results of other nodes, by their names.
    #[serde(default)]
    inputs: BTreeMap<String, InputObject>,
    /// A list: the task runs once for each of its items, up to 100,000, each as a job of its own.
    #[serde(default)]
    #[schemars(length(max = 100_000))]
    for_each: Option<Vec<Value>>,
    /// The node whose result, or a part of it, is that list, in place of `for_each`.
    #[serde(default)]
    for_each_of: Option<InputObject>,
    /// Parameters that are the item, or a part of it by a JSON Pointer (RFC 6901), by their names.
    #[serde(default)]
    each: BTreeMap<String, String>,
    /// Whether all items run, whatever becomes of some, and the node completes.
    #[serde(default)]
    continue_on_failure: bool,
    /// Nodes that it comes after, beside those in `inputs`.
    #[serde(default)]
    after: Vec<AfterObject>,
    /// Whether one of the nodes that it comes after is enough, instead of all.
    #[serde(default)]
    waits_for_any: bool,
    /// What its job is about.
    #[serde(default)]
    #[schemars(length(max = 4096), extend("pattern" = members::STORABLE))]
    description: Option<String>,
    /// How much longer its job waits when it is its turn: seconds, or a text like `2s`, `5m`, `1h30m`.
    #[serde(default)]
    #[schemars(schema_with = "delay")]
    delay: Option<Delay>,
    /// The priority of its job, in place of the task's own.
    #[serde(default)]
    priority: Option<i32>,
    /// The queue that its job waits in, in place of the task's own.
    #[serde(default)]
    queue: Option<String>,
    /// How many attempts its job may have, in place of those of the task.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    max_attempts: Option<u32>,
    /// How long an attempt may take, in place of the task's own timeout: seconds, or a text like `2s`, `5m`, `1h30m`.
    #[serde(default)]
    #[schemars(schema_with = "timeout")]
    timeout: Option<Timeout>,
}

/// A parameter that is the result of another node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GraphInputIn")]
struct InputIn {
    /// Name of the node.
    node: String,
    /// Which part of its result, by a JSON Pointer (RFC 6901). All of it unless given.
    #[serde(default)]
    #[schemars(length(max = 1024), extend("pattern" = "^(/[^/\\x00]*){0,32}$"))]
    pointer: String,
}

/// A node that another one comes after.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GraphEdgeIn")]
struct AfterIn {
    /// Name of the node.
    node: String,
    /// What becomes of the one that comes after it when it fails or is canceled: the graph fails, it is skipped, or it runs all the same.
    #[serde(default, deserialize_with = "members::word")]
    on_failure: OnFailure,
}

impl GraphIn {
    /// The nodes: the name of each, and that of its task.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (&str, &str)> {
        let nodes = self.nodes.0.iter();
        nodes.map(|(name, node)| (name.as_str(), node.task.as_str()))
    }

    /// The graph that is meant.
    pub(super) fn graph(self, scheduler: &Scheduler) -> Graph {
        let mut graph = scheduler.graph();
        if let Some(text) = self.description {
            graph = graph.description(text);
        }
        if let Some(Seconds(deadline)) = self.deadline {
            graph = graph.deadline(deadline);
        }
        let nodes = self.nodes.0.into_iter();
        nodes.fold(graph, |graph, (name, node)| graph.node(node.node(name)))
    }
}

type Delay = Seconds<0>;
type Timeout = Seconds<1>;

fn delay(_: &mut SchemaGenerator) -> Schema {
    Delay::schema()
}

fn timeout(_: &mut SchemaGenerator) -> Schema {
    Timeout::schema()
}

impl NodeIn {
    fn node(self, name: String) -> GraphNode {
        let mut node = GraphNode::named(name, self.task, self.params);
        for (
            param,
            InputObject(InputIn {
                node: other,
                pointer,
            }),
        ) in self.inputs
        {
            node = node.input(param, from(other, pointer));
        }
        for (param, pointer) in self.each {
            node = node.input(param, each(pointer));
        }
        if let Some(items) = self.for_each {
            node = node.for_each(items);
        }
        if let Some(InputObject(InputIn {
            node: other,
            pointer,
        })) = self.for_each_of
        {
            node = node.for_each_of(from(other, pointer));
        }
        if self.continue_on_failure {
            node = node.continue_on_failure();
        }
        for AfterObject(AfterIn {
            node: other,
            on_failure,
        }) in self.after
        {
            node = node.after_or(on_failure, [other]);
        }
        if self.waits_for_any {
            node = node.wait_for_any();
        }
        if let Some(text) = self.description {
            node = node.description(text);
        }
        if let Some(Seconds(delay)) = self.delay {
            node = node.delay(delay);
        }
        if let Some(priority) = self.priority {
            node = node.priority(priority);
        }
        if let Some(queue) = self.queue {
            node = node.queue(queue);
        }
        if let Some(attempts) = self.max_attempts {
            node = node.max_attempts(attempts);
        }
        if let Some(Seconds(timeout)) = self.timeout {
            node = node.timeout(timeout);
        }
        node
    }
}
