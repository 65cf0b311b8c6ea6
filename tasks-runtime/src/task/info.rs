//! What the world is told about a task.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::FailureCodeInfo;
use super::TaskHints;
use super::event_type::EventInfo;

/// The metadata of a task, as served by `GET /tasks/{name}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TaskInfo {
    /// URL-safe name: ASCII letters, digits, `_` and `-`.
    pub name: String,
    /// The doc comment.
    pub docstring: Option<String>,
    /// The whole function's signature, with the names clients use: `(name: String = "World") -> Greeting`.
    pub signature: String,
    /// All parameters in order, injected ones included.
    pub parameters: Vec<ParameterInfo>,
    /// Tags to find the task by.
    pub tags: Vec<String>,
    /// JSON Schema (draft 2020-12) of `params`.
    pub input_schema: Value,
    /// JSON Schema (draft 2020-12) of `result`, when the result's type has one.
    pub output_schema: Option<Value>,
    /// Codes that its failures can have, beside the framework's own. Empty where the type of its errors gives none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error_codes: Vec<FailureCodeInfo>,
    /// Events that its jobs wait for, in the order of `#[task(events(…))]`. Empty where the task says none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventInfo>,
    /// What callers may assume of the task. Left out where the task says nothing of that: it may do anything then.
    #[serde(default, skip_serializing_if = "TaskHints::is_default")]
    pub hints: TaskHints,
}

/// The metadata of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ParameterInfo {
    /// The key in `params`.
    pub name: String,
    /// The Rust type as written.
    pub annotation: String,
    /// The source text of the default's expression.
    pub default: Option<String>,
    /// Whether a request has to send it.
    pub required: bool,
    /// Whether the server provides it, so that a request must not send it.
    pub injected: bool,
    /// The doc comment.
    pub description: Option<String>,
    /// What its values have to keep beyond their type, as keywords of JSON Schema: `{"minimum": 1, "maximum": 100}`. Those that
    /// are part of a type of its own are in `input_schema`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub constraints: Map<String, Value>,
}
