//! Forms that ask a person for the payload of an event. Clients show texts, numbers and switches alone (2026-07-28, Elicitation).

use serde_json::{Map, Value, json};
use tasks_runtime::EventInfo;

use super::json::{self as text, Object};
use super::schema::{self, Direction};

/// The member that stands for a payload that is no object.
const VALUE: &str = "value";

/// The member that stands for a payload with lists or objects in it, as JSON.
const JSON: &str = "json";

/// Kinds of members that a client shows.
const SHOWN: [&str; 4] = ["string", "number", "integer", "boolean"];

/// How a payload is asked for.
enum Shape {
    /// Its members.
    Members(Value),
    /// One member.
    Value(Value),
    /// A text that holds it as JSON.
    Json,
}

fn shape(event: &str, events: &[EventInfo]) -> Shape {
    let known = events.iter().find(|known| {
        let rest = event.strip_prefix(known.name.as_str());
        rest.is_some_and(|key| key.is_empty() || key.starts_with('['))
    });
    let Some(known) = known else {
        return Shape::Json;
    };
    let schema = schema::simplify(&known.payload_schema, Direction::Arguments);
    let is_shown = |schema: &Value| {
        let kind = schema.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| SHOWN.contains(&kind))
    };
    if is_shown(&schema) {
        return Shape::Value(schema);
    }
    let members = schema.get("properties").and_then(Value::as_object);
    match members {
        Some(members) if members.values().all(is_shown) => Shape::Members(schema),
        _ => Shape::Json,
    }
}

/// The form for an event.
pub(super) fn of(event: &str, events: &[EventInfo]) -> Value {
    match shape(event, events) {
        Shape::Members(schema) => {
            let members = schema.get("properties").and_then(Value::as_object);
            let shown: Map<String, Value> = members
                .into_iter()
                .flatten()
                .map(|(name, member)| (name.clone(), field(member)))
                .collect();
            let mut form = json!({"type": "object", "properties": shown});
            if let Some(required) = schema.get("required") {
                form["required"] = required.clone();
            }
            form
        }
        Shape::Value(schema) => {
            json!({"type": "object", "properties": {VALUE: field(&schema)}, "required": [VALUE]})
        }
        Shape::Json => {
            let field =
                json!({"type": "string", "description": "What is sent with the event, as JSON."});
            json!({"type": "object", "properties": {JSON: field}, "required": [JSON]})
        }
    }
}

/// The payload in what a person entered, as JSON; `None` when it is not there, or is no JSON.
pub(super) fn payload(event: &str, events: &[EventInfo], content: &str) -> Option<Value> {
    let members = Object::of(content);
    let json = match shape(event, events) {
        Shape::Members(_) => content.to_owned(),
        Shape::Value(_) => members?.get(VALUE)?.to_owned(),
        Shape::Json => text::text(members?.get(JSON)?).ok()?.into_owned(),
    };
    serde_json::from_str(&json).ok()
}

/// A member of a form.
fn field(schema: &Value) -> Value {
    let kind = schema
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("string");
    let mut field = json!({"type": kind});
    for keyword in [
        "title",
        "description",
        "default",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
    ] {
        if let Some(value) = schema.get(keyword) {
            field[keyword] = value.clone();
        }
    }
    // Lists of values are for texts alone.
    if let Some(values) = schema.get("enum").filter(|_| kind == "string") {
        field["enum"] = values.clone();
    }
    field
}
