//! One operation per task, and those that list and describe.

use serde_json::{Value, json};
use tasks_runtime::{FailureCode, ParameterInfo, RegisteredTask, TaskHints};

use super::failures;
use super::problems::{PRECONDITION, REPEATED_HEADER, StatusText, UNKNOWN_PARAMETER, responses};
use super::references::to as reference;
use super::version::Version;
use crate::http::query::QueryParameter;

/// The query of the list.
pub(crate) const LIST_QUERY: &[QueryParameter] = &[QueryParameter::new(
    "tag",
    "Keeps the tasks that have this tag; given several times, those that have all of them.",
    || json!({"type": "array", "items": {"type": "string"}}),
)
.each()];

/// By what a request is refused that has parameters of a task, before anything is run.
const REFUSED_CALLS: [StatusText; 9] = [
    (
        400,
        "The body is not JSON, or a part of something by its `Content-Range`; or a header that has one value is there twice, or is malformed.",
    ),
    (
        403,
        "A page of another site sent it without a body of JSON.",
    ),
    (
        404,
        "No such task; or, in a submission, no such job of the task as `rerun_of`.",
    ),
    (405, "Another method than POST."),
    (408, "The body took too long to arrive."),
    PRECONDITION,
    (413, "The body is too large."),
    (415, "The body does not say it is JSON."),
    (
        422,
        "The parameters do not fit, or there is a query: `errors` names what does not.",
    ),
];

/// The schemas of one task.
pub(super) struct Schemas {
    pub(super) input: Value,
    pub(super) output: Option<Value>,
    /// Parameters that fit the input.
    pub(super) example: Option<Value>,
}

/// Writes the operations of one scope.
pub(super) struct Operations<'a> {
    pub(super) version: Version,
    pub(super) prefix: &'a str,
}

impl Operations<'_> {
    /// `POST {prefix}/{name}/$execute`.
    pub(super) fn execute(&self, task: &RegisteredTask, id: &str, schemas: Schemas) -> Value {
        let Schemas {
            input,
            output,
            example,
        } = schemas;
        let parameters = task.parameters();
        let needs_body = parameters.iter().any(|parameter| parameter.required);
        let params = if needs_body {
            input
        } else {
            self.version.nullable(&input)
        };
        let mut body = json!({"type": "object", "properties": {"params": params}, "additionalProperties": false});
        if needs_body {
            body["required"] = json!(["params"]);
        }
        let mut media = json!({"schema": body});
        if let Some(example) = example {
            media["example"] = json!({"params": example});
        }
        let name = task.name();
        let result = output.map_or_else(|| json!({}), |output| self.version.nullable(&output));
        let envelope = json!({
            "type": "object",
            "required": ["task_name", "params", "result", "error"],
            "properties": {
                "task_name": self.version.constant(name),
                "params": {"type": "object", "description": "The parameters as they were sent, secret ones masked."},
                "result": result,
                "error": self.version.nullable(&reference("TaskFailure")),
            },
        });
        let mut responses = responses(&REFUSED_CALLS);
        responses.extend(self::responses(&[
            (
                429,
                "As many executions of this task as it may have are running.",
            ),
            (500, "Code of the service panicked before the task began."),
            (
                503,
                "The server is busy, or a dependency of the task is not available.",
            ),
        ]));
        let mut description =
            "The task ran. When it failed, `error` says why and `result` is null.".to_owned();
        description.extend(failures::table(task));
        responses.insert("200".to_owned(), json!({"description": description, "content": {"application/json": {"schema": envelope}}}));
        let summary = task.docstring().map_or_else(|| name.to_owned(), summary_of);
        let mut operation = json!({
            "operationId": id,
            "summary": summary,
            "description": description_of(task, &parameters),
            "tags": [group(task)],
            "requestBody": {"required": needs_body, "content": {"application/json": media}},
            "responses": responses,
            "x-task": {
                "name": name,
                "signature": task.signature(),
                "tags": task.tags(),
                "parameters": parameters,
            },
        });
        let codes: Vec<_> = task.error_codes().iter().map(FailureCode::info).collect();
        if !codes.is_empty() {
            operation["x-task"]["error_codes"] = json!(codes);
        }
        let hints = task.hints();
        if hints != TaskHints::default() {
            operation["x-task"]["hints"] = json!(hints);
        }
        operation
    }

    /// `GET {prefix}`.
    pub(super) fn list(&self, id: &str) -> Value {
        let tasks = json!({"type": "array", "items": reference("TaskInfo")});
        let parameters: Vec<Value> = LIST_QUERY
            .iter()
            .map(|parameter| parameter.describe(&parameter.schema()))
            .collect();
        let mut responses = responses(&[
            REPEATED_HEADER,
            (405, "Another method than GET."),
            PRECONDITION,
            UNKNOWN_PARAMETER,
        ]);
        responses.insert("200".to_owned(), json!({"description": "Sorted by name.", "content": {"application/json": {"schema": tasks}}}));
        responses.insert(
            "304".to_owned(),
            json!({"description": "Nothing has changed since `If-None-Match`."}),
        );
        json!({
            "operationId": id,
            "summary": "List all tasks",
            "tags": [CATALOG],
            "parameters": parameters,
            "responses": responses,
        })
    }

    /// `GET {prefix}/{name}`.
    pub(super) fn info(&self, id: &str) -> Value {
        let mut responses = responses(&[
            REPEATED_HEADER,
            (404, "No such task."),
            (405, "Another method than GET."),
            PRECONDITION,
            UNKNOWN_PARAMETER,
        ]);
        let schema = reference("TaskInfo");
        responses.insert("200".to_owned(), json!({"description": "The task.", "content": {"application/json": {"schema": schema}}}));
        responses.insert(
            "304".to_owned(),
            json!({"description": "Nothing has changed since `If-None-Match`."}),
        );
        json!({
            "operationId": id,
            "summary": "Describe one task",
            "description": format!("Signature, parameters and schemas of a task of `{}`.", self.prefix),
            "tags": [CATALOG],
            "parameters": [name_in_path()],
            "responses": responses,
        })
    }

    /// `POST {prefix}/{name}/$validate`.
    pub(super) fn validate(&self, id: &str) -> Value {
        let mut responses = responses(&REFUSED_CALLS);
        responses.extend(self::responses(&[(
            500,
            "Code of a parameter's type panicked.",
        )]));
        let nothing = json!({"type": "object", "additionalProperties": false});
        responses.insert("200".to_owned(), json!({"description": "The parameters fit.", "content": {"application/json": {"schema": nothing}}}));
        let params = self.version.nullable(&json!({"type": "object"}));
        let body = json!({"type": "object", "properties": {"params": params}, "additionalProperties": false});
        json!({
            "operationId": id,
            "summary": "Say whether parameters fit a task",
            "description": "The body is that of `$execute`, and is read by the same code, rules of the task included. Nothing is run.",
            "tags": [CATALOG],
            "parameters": [name_in_path()],
            "requestBody": {"required": false, "content": {"application/json": {"schema": body}}},
            "responses": responses,
        })
    }
}

/// The name of a task, as a parameter.
fn name_in_path() -> Value {
    json!({
        "name": "name", "in": "path", "required": true,
        "schema": {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$"},
    })
}

/// The first paragraph, wherever its lines break; of a long one the first sentence.
fn summary_of(docstring: &str) -> String {
    /// What fits on the line of an operation in a UI.
    const LONG: usize = 120;
    let lines: Vec<&str> = docstring
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    // Plain text, which UIs show as it is.
    let mut paragraph = lines.join(" ").replace('`', "");
    if paragraph.chars().count() > LONG
        && let Some(end) = paragraph.find(". ")
    {
        paragraph.truncate(end + 1);
    }
    paragraph
}

/// The group of the operations that are about tasks in general.
const CATALOG: &str = "catalog";

/// Generated clients have a class per tag, so an operation is in one group only: its first tag. `x-task` has them all.
fn group(task: &RegisteredTask) -> &str {
    task.tags().first().map_or("tasks", AsRef::as_ref)
}

/// What a reader of the UI sees: the doc comment, the signature, the tags, and a table of all parameters.
fn description_of(task: &RegisteredTask, parameters: &[ParameterInfo]) -> String {
    let mut text = String::new();
    if let Some(docstring) = task.docstring() {
        text.push_str(docstring);
        text.push_str("\n\n");
    }
    text.push_str(&format!("**Signature:** {}\n", code(task.signature())));
    if !task.tags().is_empty() {
        let tags: Vec<String> = task.tags().iter().map(|tag| code(tag)).collect();
        text.push_str(&format!("\n**Tags:** {}\n", tags.join(", ")));
    }
    if !parameters.is_empty() {
        text.push_str("\n| Parameter | Type | Default | From | Description |\n| --- | --- | --- | --- | --- |\n");
    }
    for parameter in parameters {
        let from = match (parameter.injected, parameter.required) {
            (true, _) => "injected",
            (false, true) => "request, required",
            (false, false) => "request, optional",
        };
        let default = parameter.default.as_deref().map(code).unwrap_or_default();
        let description = parameter
            .description
            .as_deref()
            .unwrap_or("")
            .replace('\n', " ");
        text.push_str(&format!(
            "| {} | {} | {} | {from} | {} |\n",
            cell(&code(&parameter.name)),
            cell(&code(&parameter.annotation)),
            cell(&default),
            cell(&description),
        ));
    }
    text
}

/// A code span that may hold backticks (CommonMark, section 6.1).
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    if longest == 0 {
        return format!("`{text}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
