//! The operation of `POST {tasks}/{name}/$submit`, for the OpenAPI document.

use serde_json::{Value, json};
use tasks_runtime::RegisteredTask;
use tasks_runtime::jobs::JobRecord;

use super::endpoints::{STOPPING, UNAVAILABLE};
use super::submit::BodyOptions;
use crate::endpoint::Response;
use crate::openapi::{DATABASE_FAILED, STORAGE_FULL, Writer};

/// `POST {tasks}/{name}/$submit`, made from the operation that executes the task.
pub(crate) fn submit_operation(
    writer: &mut Writer<'_>,
    task: &RegisteredTask,
    execute: &Value,
    id: &str,
    queues: &[String],
) -> Value {
    let stored = Response::json::<JobRecord>(202)
        .description("It is stored, and will run.")
        .location("Where the job is.")
        .replayed(
            "There if an earlier submission stored the job: one with the same `Idempotency-Key`, or one of a task that runs once at \
             a time with the same parameters.",
        )
        .write(writer);
    let mut operation = execute.clone();
    operation["operationId"] = json!(id);
    let summary = execute["summary"].as_str().unwrap_or_else(|| task.name());
    operation["summary"] = json!(format!("{summary} (in the background)"));
    if let Some(responses) = operation["responses"].as_object_mut() {
        responses.remove("200");
        // Nothing runs yet, so there is no limit to run into.
        responses.remove("429");
        responses.extend(writer.problems(&[STOPPING, DATABASE_FAILED, UNAVAILABLE, STORAGE_FULL]));
        responses.insert("202".to_owned(), stored);
    }
    let options = writer.input_properties::<BodyOptions>();
    let schema = &mut operation["requestBody"]["content"]["application/json"]["schema"];
    if let (Some(properties), Some(options)) = (schema["properties"].as_object_mut(), options) {
        for (name, option) in options {
            properties.entry(name).or_insert(option);
        }
        let mut names: Vec<Value> = queues.iter().map(|name| json!(name)).collect();
        names.push(Value::Null);
        properties["queue"] = writer.adapt(json!({
            "type": ["string", "null"], "enum": names,
            "description": "The queue it waits in, in place of the task's own.",
        }));
        schema["additionalProperties"] = json!(false);
        // One says when it runs, or the other; and it is the first of a burst, or the last.
        schema["not"] = writer.adapt(json!({
            "anyOf": [
                {
                    "type": "object",
                    "required": ["delay", "scheduled_at"],
                    "properties": {"delay": {"type": ["number", "string"]}, "scheduled_at": {"type": "string"}},
                },
                {
                    "type": "object",
                    "required": ["throttle", "debounce"],
                    "properties": {"throttle": {"type": "object"}, "debounce": {"type": "object"}},
                },
            ],
        }));
    }
    operation["parameters"] = json!([{
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "A name of the client's for this very job: sent again, it is not stored again, and the job that is there is the answer. With other parameters or another option (a delay and what is left out are not compared), or from an API key of another name, it is refused.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    }]);
    if let Some(operation) = operation.as_object_mut() {
        operation.remove("x-task");
    }
    operation
}
