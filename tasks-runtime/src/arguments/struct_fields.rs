//! All arguments as one struct, for tasks that are closures.

use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;

use super::careful::with_others;
use super::checks::Checks;
use super::code::ArgumentErrorCode as Code;
use super::error::Errors;
use super::finding::Finding;
use super::repeated::TWICE;
use super::{Echo, Input, InvalidArguments, careful, depth, request, unknown_key};

/// The fields of the struct, read off its schema.
#[derive(Clone, Debug)]
pub(crate) struct StructFields {
    known: Vec<String>,
    required: Vec<String>,
    /// Whether the struct takes other keys, too, as one with a flattened map does.
    pub(crate) open: bool,
    schema: Value,
    checks: Checks,
    /// What of the schema cannot be used.
    pub(crate) problems: Vec<String>,
}

impl StructFields {
    pub(crate) fn of(schema: &Value) -> Self {
        let names = |value: Option<&Value>| -> Vec<String> {
            match value {
                Some(Value::Object(map)) => map.keys().cloned().collect(),
                Some(Value::Array(list)) => list
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                _ => Vec::new(),
            }
        };
        let open = match schema.get("additionalProperties") {
            None => {
                schema.get("properties").is_none()
                    || ["anyOf", "oneOf", "allOf", "$ref"]
                        .iter()
                        .any(|key| schema.get(key).is_some())
            }
            Some(additional) => additional != &Value::Bool(false),
        };
        let (checks, problems) = Checks::of(schema);
        Self {
            known: names(schema.get("properties")),
            required: names(schema.get("required")),
            open,
            schema: schema.clone(),
            checks,
            problems,
        }
    }

    /// Reads the struct. All unknown, repeated and missing fields are reported, and all values that do not fit.
    pub(crate) fn read<'a, P: DeserializeOwned>(
        &self,
        input: Input<'a>,
    ) -> Result<(P, Echo<'a>), InvalidArguments> {
        let params = careful::params(input)?;
        let members = careful::members_of_params(params)?;
        let text = if params.is_empty() { "{}" } else { params };
        // What the struct ignored; a key that the schema does not name may be an alias.
        let mut ignored = Vec::new();
        let deserializer = &mut serde_json::Deserializer::from_str(text);
        let parsed = serde_ignored::deserialize(deserializer, |path| {
            if let Path::Map {
                parent: Path::Root,
                key,
            } = path
            {
                ignored.push(key);
            }
        });
        let is_unknown = |key: &str| match &parsed {
            Ok(_) => ignored.iter().any(|ignored| ignored == key),
            Err(_) => !self.known.iter().any(|name| name == key),
        };
        let is_field = |pointer: &str| pointer.matches('/').count() == 1;
        let mut errors = Errors::default();
        careful::strays(input, &mut errors);
        let mut given = vec![false; self.known.len()];
        let mut twice = false;
        for (key, value) in &members {
            if depth::of(value) > depth::LIMIT {
                errors.push(key, "", Code::Depth, depth::message);
            }
            match self.known.iter().position(|name| name == key) {
                Some(index) if std::mem::replace(&mut given[index], true) => {
                    twice = true;
                    errors.push(key, "", Code::Repeated, || TWICE.to_owned());
                }
                None if !self.open && is_unknown(key) => {
                    errors.push(key, "", Code::Unknown, || {
                        unknown_key(key, self.known.iter().map(String::as_str))
                    });
                }
                _ => {}
            }
        }
        if let Ok(value) = parsed {
            let reads = |text: &str| serde_json::from_str::<P>(text).is_ok();
            if !self.checks.pass(text, &reads) {
                for finding in self.checks.of_read(&self.schema, text, &reads) {
                    let is_said = is_field(&finding.pointer)
                        && finding.code == Code::Repeated
                        && errors.has(&finding.pointer);
                    if !is_said {
                        errors.push_below(&finding.pointer, finding.code, || finding.detail);
                    }
                }
            }
            errors.finish()?;
            let echo = Echo {
                text: params,
                secrets: Vec::new(),
            };
            return Ok((value, echo));
        }
        let mut missing = false;
        for (name, given) in self.known.iter().zip(given) {
            if !given && self.required.contains(name) {
                missing = true;
                errors.push(name, "", Code::Missing, || {
                    "required, and missing".to_owned()
                });
            }
        }
        let first = Finding::of_serde(request::explain::<P>(text));
        // What is missing or repeated has been said, in better words.
        let said = missing && first.detail.starts_with("missing field")
            || twice && first.detail.starts_with("duplicate field");
        let others = self.checks.of_refused(&self.schema, text);
        for (index, finding) in with_others(first, others).into_iter().enumerate() {
            // What is missing or unknown in the struct itself has been said.
            let known = match (index, &finding.code) {
                (0, _) => said,
                (_, Code::Missing | Code::Unknown) => is_field(&finding.pointer),
                (_, Code::Repeated) => is_field(&finding.pointer) && errors.has(&finding.pointer),
                _ => false,
            };
            if !known {
                errors.push_below(&finding.pointer, finding.code, || finding.detail);
            }
        }
        errors.finish()?;
        Err(InvalidArguments::one(
            "/params",
            Code::Invalid,
            "not accepted",
        ))
    }
}
