//! Through a document, from object to object.

use serde_json::Value;

/// What an object of a document is, in the specification's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Document,
    Components,
    PathItem,
    Operation,
    Parameter,
    RequestBody,
    Response,
    Header,
    MediaType,
    Encoding,
    Callback,
    Schema,
}

/// Whether a field holds one object, a list, or a map of them.
#[derive(Clone, Copy)]
enum Holds {
    One(Kind),
    List(Kind),
    Map(Kind),
}

/// The fields that lead on to other objects. Nothing leads on from a schema: it is another language.
fn fields(kind: Kind) -> &'static [(&'static str, Holds)] {
    use Holds::{List, Map, One};
    use Kind::{
        Callback, Components, Encoding, Header, MediaType, Operation, Parameter, PathItem,
        RequestBody, Response, Schema,
    };
    match kind {
        Kind::Document => &[
            ("paths", Map(PathItem)),
            ("webhooks", Map(PathItem)),
            ("components", One(Components)),
        ],
        Components => &[
            ("schemas", Map(Schema)),
            ("responses", Map(Response)),
            ("parameters", Map(Parameter)),
            ("requestBodies", Map(RequestBody)),
            ("headers", Map(Header)),
            ("callbacks", Map(Callback)),
            ("pathItems", Map(PathItem)),
        ],
        PathItem => &[
            ("parameters", List(Parameter)),
            ("get", One(Operation)),
            ("put", One(Operation)),
            ("post", One(Operation)),
            ("delete", One(Operation)),
            ("options", One(Operation)),
            ("head", One(Operation)),
            ("patch", One(Operation)),
            ("trace", One(Operation)),
        ],
        Operation => &[
            ("parameters", List(Parameter)),
            ("requestBody", One(RequestBody)),
            ("responses", Map(Response)),
            ("callbacks", Map(Callback)),
        ],
        Parameter | Header => &[("schema", One(Schema)), ("content", Map(MediaType))],
        RequestBody => &[("content", Map(MediaType))],
        Response => &[("headers", Map(Header)), ("content", Map(MediaType))],
        MediaType => &[("schema", One(Schema)), ("encoding", Map(Encoding))],
        Encoding => &[("headers", Map(Header))],
        Callback | Schema => &[],
    }
}

/// Calls `visit` with every object of the document, its JSON pointer and what it is; also with those that are only a
/// reference to where the real one is.
pub(super) fn walk(document: &Value, visit: &mut dyn FnMut(&str, Kind, &Value)) {
    go("", Holds::One(Kind::Document), document, visit);
}

fn go(pointer: &str, holds: Holds, value: &Value, visit: &mut dyn FnMut(&str, Kind, &Value)) {
    match (holds, value) {
        (Holds::One(kind), value) => {
            visit(pointer, kind, value);
            for (name, holds) in fields(kind) {
                if let Some(value) = value.get(name) {
                    go(&format!("{pointer}/{name}"), *holds, value, visit);
                }
            }
            if kind == Kind::Callback {
                // It is itself a map, of what the service will call.
                go(pointer, Holds::Map(Kind::PathItem), value, visit);
            }
        }
        (Holds::List(kind), Value::Array(list)) => {
            for (index, value) in list.iter().enumerate() {
                go(
                    &format!("{pointer}/{index}"),
                    Holds::One(kind),
                    value,
                    visit,
                );
            }
        }
        (Holds::Map(kind), Value::Object(map)) => {
            for (name, value) in map.iter().filter(|(name, _)| *name != "$ref") {
                go(
                    &format!("{pointer}/{}", escape(name)),
                    Holds::One(kind),
                    value,
                    visit,
                );
            }
        }
        // Not what it should be, which the official schema says better.
        (Holds::List(_) | Holds::Map(_), _) => {}
    }
}

/// A name as a part of a JSON pointer.
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_found_in_every_corner() {
        let media = json!({ "application/json": { "schema": true, "encoding": { "a": { "headers": { "h": { "schema": true } } } } } });
        let operation = json!({
            "parameters": [{ "schema": true }, { "content": media }],
            "requestBody": { "content": media },
            "responses": { "200": { "headers": { "h": { "schema": true } }, "content": media } },
            "x-schema": { "schema": true }
        });
        let callback = json!({ "{$request.body#/url}": { "post": operation } });
        let mut with_callback = operation.clone();
        with_callback["callbacks"] = json!({ "done": callback, "other": { "$ref": "#/x" } });
        let item = json!({ "parameters": [{ "schema": true }], "put": with_callback });
        let document = json!({
            "paths": { "/a/b": item },
            "webhooks": { "w": item },
            "components": { "schemas": { "schema": true }, "pathItems": { "p": item }, "callbacks": { "c": callback } }
        });
        let mut found = Vec::new();
        walk(&document, &mut |pointer, kind, value| {
            if kind == Kind::Schema {
                assert_eq!(document.pointer(pointer), Some(value));
                assert_eq!(value, &json!(true));
                found.push(pointer.to_owned());
            }
        });
        // An operation has eight; an item one and two operations; of which there are three, and one more callback.
        assert_eq!(found.len(), 3 * (1 + 2 * 8) + 8 + 1, "{found:#?}");
        assert!(
            found.contains(&"/paths/~1a~1b/parameters/0/schema".to_owned()),
            "{found:#?}"
        );
    }
}
