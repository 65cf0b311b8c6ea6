//! The parameters of a query: one definition each, which the document describes and by which a request is checked.

use std::collections::BTreeMap;

use actix_web::web::Query;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
#[cfg(feature = "database")]
use tasks_runtime::database::SEARCH_LENGTH;
use tasks_runtime::shared::nearest;
use tasks_runtime::{ArgumentError, ArgumentErrorCode};

use crate::problem::{MAX_ERRORS, Problem};

/// A parameter of a query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueryParameter {
    name: &'static str,
    description: &'static str,
    schema: fn() -> Value,
    times: Occurs,
}

/// How often a parameter may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Occurs {
    Once,
    /// For each element of a list.
    Each,
    /// For each element, or with commas between them.
    #[cfg(feature = "database")]
    Commas,
}

impl QueryParameter {
    /// One that may be given once.
    pub(crate) const fn new(
        name: &'static str,
        description: &'static str,
        schema: fn() -> Value,
    ) -> Self {
        Self {
            name,
            description,
            schema,
            times: Occurs::Once,
        }
    }

    /// A list, whose elements are given one by one. The schema is that of the list.
    pub(crate) const fn each(self) -> Self {
        Self {
            times: Occurs::Each,
            ..self
        }
    }

    /// A list with commas between its elements, which may be given one by one, too. The schema is that of the list.
    #[cfg(feature = "database")]
    pub(crate) const fn commas(self) -> Self {
        Self {
            times: Occurs::Commas,
            ..self
        }
    }

    #[cfg(test)]
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The schema of its value.
    pub(crate) fn schema(&self) -> Value {
        (self.schema)()
    }

    /// As the document has it, with the schema in the dialect of the document.
    pub(crate) fn describe(&self, schema: &Value) -> Value {
        let mut parameter = json!({
            "name": self.name, "in": "query", "required": false, "description": self.description, "schema": schema,
        });
        if self.times != Occurs::Once {
            parameter["style"] = json!("form");
            parameter["explode"] = json!(self.times == Occurs::Each);
        }
        parameter
    }
}

/// The pairs of a query.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    if !is_encoded(query) {
        return Err(Problem::bad_query(
            "the query has a `%` without two hexadecimal digits after it, or bytes that are not UTF-8: write a `%` itself as `%25`"
                .to_owned(),
        ));
    }
    Query::<Vec<(String, String)>>::from_query(query)
        .map(Query::into_inner)
        .map_err(|error| Problem::bad_query(format!("the query cannot be read: {error}")))
}

/// Whether percent-encodings (RFC 3986, section 2.1) are whole and make UTF-8: a reader would take them as they are, or for U+FFFD.
fn is_encoded(query: &str) -> bool {
    let mut parts = query.split('%');
    let is_whole = |part: &str| {
        let digits = part.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    parts.next();
    parts.all(is_whole) && percent_decode_str(query).decode_utf8().is_ok()
}

/// The schema of a text that a list is searched for.
#[cfg(feature = "database")]
pub(crate) fn search_schema() -> Value {
    json!({"type": "string", "minLength": SEARCH_LENGTH.start(), "maxLength": SEARCH_LENGTH.end()})
}

/// Reads a text that a list is searched for.
#[cfg(feature = "database")]
pub(crate) fn searched(text: &str) -> Result<&str, String> {
    let (least, most) = SEARCH_LENGTH.into_inner();
    if SEARCH_LENGTH.contains(&text.chars().count()) {
        Ok(text)
    } else {
        Err(format!("expected a text of {least} to {most} characters"))
    }
}

/// What is wrong with a parameter that an operation declares and its handler does not read: nothing of it would be heeded.
#[cfg(feature = "database")]
pub(crate) fn unread(name: &str) -> String {
    format!("nothing reads `{name}`: leave it out")
}

/// Refuses parameters that are not known, and those that are given more often than they may be.
pub(crate) fn check(query: &str, known: &[QueryParameter]) -> Result<(), Problem> {
    if query.is_empty() {
        return Ok(());
    }
    refuse(query, known)
}

#[cold]
fn refuse(query: &str, known: &[QueryParameter]) -> Result<(), Problem> {
    let mut errors = Vec::new();
    let mut given: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, _) in pairs(query)? {
        let (code, detail) = match known.iter().find(|parameter| parameter.name == name) {
            None => (ArgumentErrorCode::Unknown, unknown(&name, known)),
            Some(parameter) => {
                let times = given.entry(parameter.name).or_default();
                *times += 1;
                // Once for each name, however often it is there.
                if *times != 2 || parameter.times != Occurs::Once {
                    continue;
                }
                (ArgumentErrorCode::Repeated, "given twice".to_owned())
            }
        };
        let pointer = format!("?{}", name.chars().take(50).collect::<String>());
        errors.push(ArgumentError::new(pointer, detail).with_code(code));
        if errors.len() == MAX_ERRORS {
            break;
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid_query(errors))
}

fn unknown(name: &str, known: &[QueryParameter]) -> String {
    let names = || known.iter().map(|parameter| parameter.name);
    if known.is_empty() {
        return "unknown parameter: nothing is taken here".to_owned();
    }
    if let Some(close) = nearest(name, names(), 1).first() {
        return format!("unknown parameter, did you mean `{close}`?");
    }
    let names: Vec<String> = names().map(|name| format!("`{name}`")).collect();
    format!("unknown parameter, there are {}", names.join(", "))
}
