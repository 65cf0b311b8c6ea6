//! Parameters in the path and in headers.

use serde_json::{Value, json};

/// A parameter in the path, or a header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    name: &'static str,
    place: ParameterIn,
    description: Option<&'static str>,
    /// Regular expression that the value matches.
    pattern: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParameterIn {
    Path,
    Header,
}

impl Parameter {
    /// A segment of the path that matches a regular expression.
    pub(crate) const fn path(name: &'static str, pattern: &'static str) -> Self {
        Self {
            name,
            place: ParameterIn::Path,
            description: None,
            pattern: Some(pattern),
        }
    }

    /// A header, which may be left out.
    pub(crate) const fn header(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            place: ParameterIn::Header,
            description: Some(description),
            pattern: None,
        }
    }

    /// Its value matches a regular expression.
    #[cfg(feature = "database")]
    pub(crate) const fn matching(self, pattern: &'static str) -> Self {
        Self {
            pattern: Some(pattern),
            ..self
        }
    }

    /// Whether it is the header of this name.
    pub(super) fn is_header(&self, name: &str) -> bool {
        self.place == ParameterIn::Header && self.name == name
    }

    /// As the document has it.
    pub(super) fn describe(&self) -> Value {
        let mut schema = json!({"type": "string"});
        if let Some(pattern) = self.pattern {
            schema["pattern"] = json!(pattern);
        }
        let (place, required) = match self.place {
            ParameterIn::Path => ("path", true),
            ParameterIn::Header => ("header", false),
        };
        let mut parameter =
            json!({"name": self.name, "in": place, "required": required, "schema": schema});
        if let Some(description) = self.description {
            parameter["description"] = json!(description);
        }
        parameter
    }
}
