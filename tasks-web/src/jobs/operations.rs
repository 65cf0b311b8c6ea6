//! The operations of jobs, for the OpenAPI document.

use serde_json::{Value, json};
use tasks_runtime::RegisteredTask;
use tasks_runtime::jobs::{JobLog, JobRecord, JobStats, ScheduleRecord};

use super::query;
use super::schedules::ScheduleIn;
use super::submit::Options;
use crate::http::paging::MOST;
use crate::http::sse;
use crate::openapi::parts::{Status, answer, conditional, id_parameter, list_of, listing};
use crate::openapi::{Endpoint, STORAGE_FULL, Writer};

const GROUP: &str = "jobs";

const UNKNOWN: Status = (404, "No such job.");
const STATE: Status = (
    409,
    "The job is not in a state for that: `job_status` says how it is.",
);
const QUERY: Status = (422, "The query does not fit: `errors` says where.");
const STREAMS: Status = (429, "Too many streams are open.");
const UNAVAILABLE: Status = (503, "The database is not available.");

fn operation(
    writer: &Writer<'_>,
    (id, summary): (&str, &str),
    success: (u16, Value),
    problems: &[Status],
) -> Value {
    let mut operation = writer.operation(GROUP, (id, summary), success, problems);
    let unavailable = writer.problems(&[UNAVAILABLE]);
    operation["responses"]["503"] = unavailable["503"].clone();
    operation
}

fn of_job(mut operation: Value) -> Value {
    operation["parameters"] = json!([id_parameter()]);
    operation
}

/// All operations below the prefix.
pub(crate) fn endpoints(prefix: &str) -> Vec<Endpoint> {
    let at = |rest: &str| format!("{prefix}{rest}");
    vec![
        Endpoint::new("get", &at(""), list).query(query::LIST),
        Endpoint::new("get", &at("/$schema"), |writer| {
            conditional(operation(
                writer,
                ("get_job_schema", "The JSON Schema of a job"),
                (200, answer(&json!({"type": "object"}))),
                &[],
            ))
        }),
        Endpoint::new("get", &at("/$stats"), |writer| {
            let schema = writer.output::<JobStats>();
            let names = ("get_job_stats", "How many jobs there are");
            operation(writer, names, (200, answer(&schema)), &[])
        }),
        Endpoint::new("get", &at("/{id}"), |writer| {
            let schema = writer.output::<JobRecord>();
            let success = (200, answer(&schema));
            of_job(operation(
                writer,
                ("get_job", "One job"),
                success,
                &[UNKNOWN],
            ))
        }),
        Endpoint::new("delete", &at("/{id}"), |writer| {
            let done =
                json!({"description": "It is forgotten, or will be when its code has ended."});
            let names = ("delete_job", "Cancel a job if need be, and forget it");
            of_job(operation(writer, names, (204, done), &[UNKNOWN]))
        }),
        Endpoint::new("get", &at("/{id}/$result"), |writer| {
            let schema = json!({
                "type": "object",
                "required": ["task_name", "params", "result", "error"],
                "description": "As `$execute` answers.",
            });
            let names = ("get_job_result", "How a job ended");
            of_job(operation(
                writer,
                names,
                (200, answer(&schema)),
                &[UNKNOWN, STATE],
            ))
        }),
        Endpoint::new("get", &at("/{id}/$logs"), |writer| {
            let line = writer.output::<JobLog>();
            let schema = json!({"type": "array", "items": line, "maxItems": MOST});
            let names = ("get_job_logs", "What a job logged, oldest first");
            of_job(operation(
                writer,
                names,
                (200, answer(&schema)),
                &[UNKNOWN, QUERY],
            ))
        })
        .query(query::LOGS),
        Endpoint::new("get", &at("/{id}/$stream"), |writer| {
            let content = json!({"text/event-stream": {"schema": {"type": "string"}}});
            let success = json!({"description": "An event with the job for each change.", "content": content});
            let names = ("stream_job", "A job as it changes, as server-sent events");
            let mut operation = of_job(operation(
                writer,
                names,
                (200, success),
                &[UNKNOWN, QUERY, STREAMS],
            ));
            operation["responses"]["204"] = json!({"description": "The event of `Last-Event-ID` was the last one: do not come back."});
            operation
        })
        .query(sse::QUERY),
        Endpoint::new("post", &at("/{id}/$cancel"), |writer| {
            let schema = writer.output::<JobRecord>();
            let names = ("cancel_job", "Cancel a job, or ask it to stop");
            of_job(operation(writer, names, (200, answer(&schema)), &[UNKNOWN]))
        }),
        Endpoint::new("post", &at("/{id}/$retry"), |writer| {
            let schema = writer.output::<JobRecord>();
            let names = ("retry_job", "Queue a job again that failed or was canceled");
            of_job(operation(
                writer,
                names,
                (202, answer(&schema)),
                &[UNKNOWN, STATE],
            ))
        }),
    ]
}

/// All operations of schedules.
pub(crate) fn schedule_endpoints(prefix: &str) -> Vec<Endpoint> {
    const UNKNOWN: Status = (404, "No such schedule.");
    let one = format!("{prefix}/{{name}}");
    let named = |mut operation: Value| {
        operation["parameters"] = json!([{
            "name": "name", "in": "path", "required": true,
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
        }]);
        operation
    };
    vec![
        Endpoint::new("get", prefix, |writer| {
            let schedule = writer.output::<ScheduleRecord>();
            let schema = json!({"type": "array", "items": schedule});
            let names = ("list_schedules", "All schedules, by name");
            operation(writer, names, (200, answer(&schema)), &[])
        }),
        Endpoint::new("get", &one, move |writer| {
            let schema = writer.output::<ScheduleRecord>();
            let names = ("get_schedule", "One schedule");
            named(operation(writer, names, (200, answer(&schema)), &[UNKNOWN]))
        }),
        Endpoint::new("put", &one, move |writer| {
            let (output, input) = (
                writer.output::<ScheduleRecord>(),
                writer.input::<ScheduleIn>(),
            );
            let names = (
                "put_schedule",
                "Make a schedule, or change the one of this name",
            );
            let problems = [
                (400, "The body is not JSON."),
                (404, "No such task."),
                (408, "The body took too long to arrive."),
                (413, "The body is too large."),
                (415, "The body does not say it is JSON."),
                (422, "Something does not fit: `errors` says what."),
            ];
            let mut operation = named(operation(writer, names, (200, answer(&output)), &problems));
            operation["responses"]["201"] = answer(&output);
            let example =
                json!({"task_name": "report", "cron": "30 2 * * *", "timezone": "Europe/Berlin"});
            operation["requestBody"] = json!({"required": true, "content": {
                "application/json": {"schema": input, "example": example},
            }});
            operation
        }),
        Endpoint::new("delete", &one, move |writer| {
            let done = json!({"description": "It is gone; its jobs stay."});
            let names = ("delete_schedule", "Forget a schedule");
            named(operation(writer, names, (204, done), &[UNKNOWN]))
        }),
        Endpoint::new("post", &format!("{one}/$pause"), move |writer| {
            let schema = writer.output::<ScheduleRecord>();
            let names = ("pause_schedule", "Let a schedule rest");
            named(operation(writer, names, (200, answer(&schema)), &[UNKNOWN]))
        }),
        Endpoint::new("post", &format!("{one}/$run"), move |writer| {
            let record = writer.output::<JobRecord>();
            let mut success = answer(&record);
            success["headers"] = location();
            let names = ("run_schedule", "Run a schedule now, beside its times");
            let problems = [UNKNOWN, STORAGE_FULL];
            named(operation(writer, names, (202, success), &problems))
        }),
        Endpoint::new("post", &format!("{one}/$resume"), move |writer| {
            let schema = writer.output::<ScheduleRecord>();
            let names = ("resume_schedule", "Let a schedule go on");
            named(operation(writer, names, (200, answer(&schema)), &[UNKNOWN]))
        }),
    ]
}

/// The header of an answer that stored a job.
fn location() -> Value {
    json!({"Location": {
        "required": true, "description": "Where the job is.", "schema": {"type": "string", "format": "uri-reference"},
    }})
}

fn list(writer: &mut Writer<'_>) -> Value {
    let schema = list_of(&writer.output::<JobRecord>());
    let names = ("list_jobs", "All jobs, newest first");
    let mut operation = operation(writer, names, (200, answer(&schema)), &[QUERY]);
    listing(&mut operation);
    operation
}

/// `POST {tasks}/{name}/$submit`, made from the operation that executes the task.
pub(crate) fn submit(
    writer: &mut Writer<'_>,
    task: &RegisteredTask,
    execute: &Value,
    id: &str,
    queues: &[String],
) -> Value {
    let record = writer.output::<JobRecord>();
    let mut operation = execute.clone();
    operation["operationId"] = json!(id);
    let summary = execute["summary"].as_str().unwrap_or_else(|| task.name());
    operation["summary"] = json!(format!("{summary} (in the background)"));
    let mut headers = location();
    headers["Idempotent-Replayed"] = json!({
        "description": "There if an earlier submission stored the job: one with the same `Idempotency-Key`, or one of a task that runs once at \
                        a time with the same parameters.",
        "schema": {"type": "string", "enum": ["true"]},
    });
    if let Some(responses) = operation["responses"].as_object_mut() {
        responses.remove("200");
        // Nothing runs yet, so there is no limit to run into.
        responses.remove("429");
        responses.extend(writer.problems(&[
            (500, "The database failed."),
            UNAVAILABLE,
            STORAGE_FULL,
        ]));
        responses.insert(
            "202".to_owned(),
            json!({
                "description": "It is stored, and will run.",
                "headers": headers,
                "content": {"application/json": {"schema": record}},
            }),
        );
    }
    let options = writer.input_properties::<Options>();
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
        // One says when it runs, or the other.
        schema["not"] = writer.adapt(json!({
            "type": "object",
            "required": ["delay", "scheduled_at"],
            "properties": {"delay": {"type": ["number", "string"]}, "scheduled_at": {"type": "string"}},
        }));
    }
    operation["parameters"] = json!([{
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "A name of the client's for this very job: sent again, it is not stored again, and the job that is there is the answer. With other parameters, or another description, queue, priority or time, it is refused.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    }]);
    if let Some(operation) = operation.as_object_mut() {
        operation.remove("x-task");
    }
    operation
}
