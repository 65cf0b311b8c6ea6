//! Whether a document is what `OpenAPI` says it is.

mod defaults;
mod references;
mod walk;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use self::walk::{Kind, walk};

static OPENAPI_3_0: LazyLock<Validator> =
    LazyLock::new(|| compile(include_str!("../fixtures/openapi-3.0.schema.json")));
static OPENAPI_3_1: LazyLock<Validator> =
    LazyLock::new(|| compile(include_str!("../fixtures/openapi-3.1.schema.json")));

/// Checks an `OpenAPI` document of version 3.0 or 3.1:
///
/// - as a whole, against the official JSON Schema of its version;
/// - every schema in a document of 3.1, in `components` and inline, against the meta-schema of JSON Schema 2020-12, since
///   the official schema does not look into them (that of 3.0 does);
/// - every `$ref`: it must lead to something within the document;
/// - every `default` of a schema, which has to be valid by that schema;
/// - every `operationId`: there must be no other of its name;
/// - a document of 3.1 is also read by an independent implementation, oas3.
///
/// # Errors
///
/// Everything that is wrong, each with a JSON pointer into the document.
pub fn validate(document: &Value) -> Result<(), Vec<String>> {
    let version = document["openapi"].as_str().unwrap_or_default();
    let (schema, has_json_schema) = match version.split('.').take(2).collect::<Vec<_>>().as_slice()
    {
        ["3", "0"] => (&OPENAPI_3_0, false),
        ["3", "1"] => (&OPENAPI_3_1, true),
        _ => {
            return Err(vec![format!(
                "/openapi: {} is neither 3.0 nor 3.1",
                document["openapi"]
            )]);
        }
    };
    let mut errors: Vec<String> = schema
        .iter_errors(document)
        .map(|error| message("", &error))
        .collect();
    errors.extend(references::errors(document));
    errors.extend(duplicate_operations(document));
    errors.extend(defaults::errors(document));
    if has_json_schema {
        errors.extend(broken_schemas(document));
        if let Err(error) = oas3::from_json(document.to_string()) {
            errors.push(format!("cannot be read by oas3: {error}"));
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

fn broken_schemas(document: &Value) -> Vec<String> {
    let meta = jsonschema::draft202012::meta::validator();
    let mut errors = Vec::new();
    walk(document, &mut |pointer, kind, value| {
        if kind == Kind::Schema {
            errors.extend(
                meta.iter_errors(value)
                    .map(|error| message(pointer, &error)),
            );
        }
    });
    errors
}

fn duplicate_operations(document: &Value) -> Vec<String> {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    let mut errors = Vec::new();
    walk(document, &mut |pointer, kind, value| {
        let (Kind::Operation, Some(id)) = (kind, value["operationId"].as_str()) else {
            return;
        };
        if let Some(other) = first.get(id) {
            errors.push(format!(
                "{pointer}/operationId: {id:?} is that of {other}, too"
            ));
        } else {
            first.insert(id.to_owned(), pointer.to_owned());
        }
    });
    errors
}

fn compile(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).expect("the file is JSON");
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("the file is a JSON Schema")
}

/// One line, and not too long: the validator shows the whole value that is wrong.
fn message(pointer: &str, error: &ValidationError<'_>) -> String {
    const LONGEST: usize = 400;
    let mut text = error.to_string().replace('\n', " ");
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    format!("{pointer}{}: {text}", error.instance_path())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "openapi": "3.1.0",
            "info": { "title": "Tasks", "version": "1" },
            "paths": {
                "/tasks/greet/$execute": {
                    "post": {
                        "operationId": "greet",
                        "tags": ["demo"],
                        "x-task": { "schema": { "type": 7 } },
                        "requestBody": {
                            "content": {
                                "application/json": {
                                    "schema": { "$ref": "#/components/schemas/Greet" },
                                    "example": { "$ref": "#/not/a/reference" }
                                }
                            }
                        },
                        "responses": {
                            "200": {
                                "description": "The envelope",
                                "content": {
                                    "application/json": {
                                        "schema": {
                                            "type": ["object", "null"],
                                            "properties": { "result": { "$ref": "#/components/schemas/List%5Fu8" } }
                                        }
                                    }
                                }
                            },
                            "422": { "$ref": "#/components/responses/Problem" }
                        }
                    }
                }
            },
            "components": {
                "responses": { "Problem": { "description": "Wrong" } },
                "schemas": {
                    "Greet": {
                        "type": "object",
                        "properties": { "name": { "type": "string", "default": "World" }, "default": true }
                    },
                    "List_u8": { "type": "array", "items": { "$ref": "#/components/schemas/Greet/properties/name" } }
                }
            }
        })
    }

    /// The errors of the good document with one value replaced.
    fn errors(pointer: &str, value: Value) -> Vec<String> {
        let mut document = good();
        *document.pointer_mut(pointer).expect("it is there") = value;
        validate(&document).expect_err("it is broken")
    }

    const POST: &str = "/paths/~1tasks~1greet~1$execute/post";

    #[track_caller]
    fn assert_reported(errors: &[String], start: &str) {
        assert!(
            errors.iter().any(|error| error.starts_with(start)),
            "no {start:?} in {errors:#?}"
        );
    }

    #[test]
    fn a_good_document_is_good() {
        assert_eq!(validate(&good()), Ok(()));
    }

    #[test]
    fn defaults_may_be_sent() {
        let name = "/components/schemas/Greet/properties/name";
        for (wrong, newer) in [
            (json!({ "type": "string", "default": null }), true),
            (
                json!({ "type": "array", "items": { "type": "string", "default": 1 } }),
                true,
            ),
            (
                json!({ "allOf": [{ "$ref": "#/components/schemas/Greet" }], "default": 5 }),
                false,
            ),
            (
                json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true, "default": 0 }),
                false,
            ),
        ] {
            let mut document = good();
            document["openapi"] = json!(if newer { "3.1.0" } else { "3.0.0" });
            *document.pointer_mut(name).expect("it is there") = wrong;
            let errors = validate(&document).expect_err("it is broken");
            assert_reported(
                &errors,
                "default of /~1components~1schemas~1Greet~1properties~1name",
            );
        }
        let mut document = good();
        document["openapi"] = json!("3.0.0");
        *document.pointer_mut(name).expect("it is there") =
            json!({ "type": "string", "nullable": true, "default": null });
        assert_eq!(defaults::errors(&document), Vec::<String>::new());
    }

    #[test]
    fn what_the_official_schema_wants_is_wanted() {
        let errors_of = |pointer: &str, value| errors(&format!("{POST}{pointer}"), value);
        assert_reported(
            &errors("/info", json!({ "title": "Tasks" })),
            "/info: \"version\" is a required property",
        );
        assert_reported(
            &errors_of("/responses/200", json!({})),
            &format!("{POST}/responses/200: \"description\""),
        );
        assert_reported(
            &errors_of("/tags", json!("demo")),
            &format!("{POST}/tags: \"demo\" is not of type"),
        );
        assert_reported(
            &errors_of("", json!({ "respones": {} })),
            &format!("{POST}: Unevaluated properties"),
        );
        assert_reported(&errors("/paths", json!({ "tasks": {} })), "/paths: ");
    }

    #[test]
    fn schemas_are_looked_into_wherever_they_are() {
        let schema = "/components/schemas/Greet/properties/name/type";
        assert_reported(&errors(schema, json!("text")), &format!("{schema}: "));
        let inline =
            format!("{POST}/responses/200/content/application~1json/schema/properties/result");
        assert_reported(
            &errors(&inline, json!({ "minimum": "0" })),
            &format!("{inline}/minimum: "),
        );
        assert_reported(
            &errors(&inline, json!({ "required": true })),
            &format!("{inline}/required: "),
        );
        assert_reported(&errors(&inline, json!("string")), &format!("{inline}: "));
    }

    #[test]
    fn references_lead_somewhere() {
        let schema = format!("{POST}/requestBody/content/application~1json/schema");
        assert_reported(
            &errors(&schema, json!({ "$ref": "#/components/schemas/Great" })),
            &format!("{schema}/$ref: \"#/components/schemas/Great\" leads nowhere"),
        );
        let response = format!("{POST}/responses/422");
        assert_reported(
            &errors(&response, json!({ "$ref": "#/components/responses/Other" })),
            &format!("{response}/$ref: "),
        );
        let items = "/components/schemas/List_u8/items";
        assert_reported(
            &errors(items, json!({ "$ref": "https://example.com/a" })),
            &format!("{items}/$ref: "),
        );
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let twice = good()["paths"]["/tasks/greet/$execute"].clone();
        let mut document = good();
        document["paths"]["/twice"] = twice;
        let errors = validate(&document).expect_err("it is broken");
        assert_eq!(
            errors,
            [format!(
                "/paths/~1twice/post/operationId: \"greet\" is that of {POST}, too"
            )]
        );
    }

    #[test]
    fn version_3_0_has_rules_of_its_own() {
        let mut document = json!({
            "openapi": "3.0.3",
            "info": { "title": "Tasks", "version": "1" },
            "paths": {
                "/a": { "get": { "responses": { "200": {
                    "description": "",
                    "content": { "application/json": { "schema": { "type": "string", "nullable": true } } }
                } } } }
            }
        });
        assert_eq!(validate(&document), Ok(()));
        document["paths"]["/a"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] =
            json!({ "type": ["string", "null"] });
        assert_reported(
            &validate(&document).expect_err("it is broken"),
            "/paths/~1a/get/responses/200",
        );
    }

    #[test]
    fn other_versions_are_refused() {
        for version in [
            json!("2.0"),
            json!("3.2.0"),
            json!("3"),
            json!(3.1),
            Value::Null,
        ] {
            assert_reported(&errors("/openapi", version), "/openapi: ");
        }
    }
}
