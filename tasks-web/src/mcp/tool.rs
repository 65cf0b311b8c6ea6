//! Tools: what an agent may call.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};
use tasks_runtime::__private::ToolKind;
use tasks_runtime::RegisteredTask;

use super::builtin::Builtin;
use super::schema::{self, Direction};
use super::version::Version;
use crate::access::Access;
use crate::openapi::{example_of, without_rustdoc_links};

/// How long the name of a tool may be: hosts put the name of their server before it, and models take 64 characters in all.
pub(super) const MAX_NAME: usize = 40;

/// A tool.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) target: Target,
    /// The tool as it is listed, as JSON: for clients of 2026-07-28, and for those before.
    definition: String,
    definition_before: String,
    /// What to know of its results.
    pub(super) output: Output,
    pub(super) read_only: bool,
}

/// What a tool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Runs the task of its name.
    Task {
        /// In the background.
        as_job: bool,
        /// Whether its job may be named by a key of the agent's.
        takes_key: bool,
    },
    Builtin(Builtin),
}

/// What is known of a tool's results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Output {
    /// Whether they are [`Content`](super::Content).
    pub(super) is_content: bool,
    /// Whether they are objects, by their schema.
    pub(super) is_object: bool,
    /// Whether they have a schema.
    pub(super) has_schema: bool,
}

/// What a service has that a result may be kept in, and how its tools are found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage {
    pub(super) jobs: bool,
    pub(super) artifacts: bool,
    /// Whether tools are listed by name: not those of a catalog.
    pub(super) is_listed: bool,
}

/// The argument of a tool whose calls are jobs that names a call, so that it runs once.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency_key";

impl Tool {
    /// The tool of a task. What common clients do not take is a problem.
    pub(super) fn of_task(
        task: &RegisteredTask,
        storage: Storage,
        problems: &mut Vec<String>,
    ) -> Self {
        let info = task.info();
        let policy = task.tool();
        let as_job = storage.jobs && policy.kind == ToolKind::Job;
        let name = task.name().to_owned();
        if storage.is_listed && name.len() > MAX_NAME {
            problems.push(format!(
                "the task `{name}` is a tool for agents, and its name has {} characters: common hosts take {MAX_NAME}, so give it a \
                 shorter one, or say `mcp = false`",
                name.len()
            ));
        }
        let mut input = schema::of_arguments(&info.input_schema);
        check_members(&name, &input, problems);
        let takes_key = as_job && input["properties"].get(IDEMPOTENCY_KEY).is_none();
        if takes_key {
            input["properties"][IDEMPOTENCY_KEY] = json!({
                "type": "string",
                "description": "Names this call: a second one with the same key starts nothing, and is answered with the job of the first.",
                "minLength": 1,
                "maxLength": 255,
            });
        }
        let mut description = described(&info.docstring, &name);
        if as_job {
            description.push_str(
                "\n\nRuns as a background job: when it is not done soon, the result has a `job_id` to ask for with `jobs_get`.",
            );
        }
        if takes_key {
            description.push_str(
                " To call it again without running it twice, send the same `idempotency_key`.",
            );
        }
        if info.parameters.iter().any(|parameter| !parameter.injected)
            && has_examples(&info.input_schema)
            && let Some(example) = example_of(&info.input_schema)
        {
            description.push_str(&format!("\n\nExample arguments: {example}"));
        }
        let hints = info.hints;
        let title = policy.title.map_or_else(|| title_of(&name), str::to_owned);
        let annotations = json!({
            "title": title,
            "readOnlyHint": hints.read_only,
            "destructiveHint": hints.destructive,
            "idempotentHint": hints.idempotent,
            "openWorldHint": hints.open_world,
        });
        let storage = Storage {
            jobs: as_job,
            ..storage
        };
        let output = Output::of(info.output_schema.as_ref());
        let icon = policy.icon.map(|icon| json!([{"src": icon}]));
        let define = |version: Version| {
            let mut definition = Map::new();
            definition.insert("name".to_owned(), json!(name));
            definition.insert("title".to_owned(), json!(title));
            definition.insert("description".to_owned(), json!(description));
            definition.insert("inputSchema".to_owned(), input.clone());
            if let Some(schema) = info.output_schema.as_ref().filter(|_| output.has_schema) {
                let schema = output_schema(schema, output, storage, version);
                definition.insert("outputSchema".to_owned(), schema);
            }
            definition.insert("annotations".to_owned(), annotations.clone());
            if let Some(icon) = &icon {
                definition.insert("icons".to_owned(), icon.clone());
            }
            Value::Object(definition).to_string()
        };
        Self {
            definition: define(Version::V2026_07_28),
            definition_before: define(Version::V2025_11_25),
            target: Target::Task { as_job, takes_key },
            output,
            read_only: hints.read_only,
            name,
        }
    }

    /// A tool of the server's own.
    pub(super) fn builtin(builtin: Builtin) -> Self {
        let definition = builtin.definition();
        let definition = definition.to_string();
        Self {
            name: builtin.name().to_owned(),
            target: Target::Builtin(builtin),
            definition_before: definition.clone(),
            definition,
            output: Output {
                is_content: false,
                is_object: true,
                has_schema: false,
            },
            read_only: builtin.is_read_only(),
        }
    }

    /// The tool as it is listed.
    pub(super) fn definition(&self, version: Version) -> &str {
        if version.is_stateless() {
            &self.definition
        } else {
            &self.definition_before
        }
    }

    pub(super) fn is_job(&self) -> bool {
        matches!(self.target, Target::Task { as_job: true, .. })
    }
}

impl Output {
    fn of(schema: Option<&Value>) -> Self {
        let definition = |schema: &Value, root: &Value| {
            let name = schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
            root.get("$defs")?.get(name).cloned()
        };
        let is_content = |schema: &Value, root: &Value| {
            let schema = definition(schema, root).unwrap_or_else(|| schema.clone());
            schema.get("x-mcp-content") == Some(&json!(true))
        };
        let Some(root) = schema else {
            return Self {
                is_content: false,
                is_object: false,
                has_schema: false,
            };
        };
        let items = root.get("items");
        let content = is_content(root, root) || items.is_some_and(|items| is_content(items, root));
        let resolved = definition(root, root);
        let kind = resolved.as_ref().unwrap_or(root).get("type");
        Self {
            is_content: content,
            is_object: kind == Some(&json!("object")),
            has_schema: !content,
        }
    }
}

/// The schema of what a tool gives as structured content. Before 2026-07-28 that is an object.
fn output_schema(schema: &Value, output: Output, storage: Storage, version: Version) -> Value {
    let mut own = schema::simplify(schema, Direction::Result);
    if !version.is_stateless() && !output.is_object {
        own = json!({"type": "object", "properties": {"result": own}, "required": ["result"]});
    }
    if !storage.jobs && !storage.artifacts {
        return own;
    }
    let elsewhere = json!({
        "type": "object",
        "description": "Where the result is, when it is too large or not there yet.",
        "properties": {
            "artifact": {"type": "string", "description": "Address of the resource that has the whole result."},
            "job_id": {"type": "string", "description": "Id of the job that makes it, for `jobs_get`."},
            "status": {"type": "string"},
            "next": {"type": "string", "description": "What to do to get it."},
        },
        "required": ["next"],
    });
    let mut either = json!({"anyOf": [own, elsewhere]});
    if !version.is_stateless() {
        either["type"] = json!("object");
    }
    either
}

/// The doc comment, for a reader who knows nothing of Rust.
fn described(docstring: &Option<String>, name: &str) -> String {
    match docstring {
        Some(text) if !text.trim().is_empty() => without_rustdoc_links(text.trim()).into_owned(),
        _ => format!("Runs the task `{name}`."),
    }
}

/// `send_report` is "Send report".
pub(super) fn title_of(name: &str) -> String {
    let words = name.replace(['_', '-'], " ");
    let mut letters = words.trim().chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => name.to_owned(),
    }
}

fn has_examples(schema: &Value) -> bool {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.is_some_and(|properties| {
        let mut properties = properties.values();
        properties.any(|property| property.get("examples").is_some())
    })
}

/// Reports members that models of common hosts do not take (Anthropic: `^[a-zA-Z0-9_.-]{1,64}$`).
fn check_members(tool: &str, schema: &Value, problems: &mut Vec<String>) {
    static KEY: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new("^[a-zA-Z0-9_.-]{1,64}$").ok());
    let fits = |name: &str| KEY.as_ref().is_none_or(|key| key.is_match(name));
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                for name in properties.keys().filter(|name| !fits(name)) {
                    problems.push(format!(
                        "the task `{tool}` is a tool for agents, and `{}` among its arguments is a name that models do not take: use 1 to 64 \
                         letters, digits, `_`, `.` and `-`, or say `mcp = false`",
                        name.escape_debug()
                    ));
                }
            }
            for value in members.values() {
                check_members(tool, value, problems);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| check_members(tool, item, problems)),
        _ => {}
    }
}

/// Whether whoever asks may call a tool that is a task.
pub(super) fn may_call(access: Option<&Access>, task: &RegisteredTask) -> bool {
    access.is_none_or(|access| {
        access.allows(task) && (!access.is_read_only() || task.hints().read_only)
    })
}
