//! A call of a task by its function: what `call!` makes.

use std::any::TypeId;

use serde::Serialize;

use crate::arguments::{ArgumentError, InvalidArguments};

/// A call of a task by its function, made by [`call!`](crate::call): run it with
/// [`TaskExecutor::run`](crate::TaskExecutor::run).
#[derive(Clone, Debug)]
#[must_use = "a call does nothing until an executor runs it: `executor.run(call!(…)).await`"]
pub struct Call {
    pub(crate) function: TypeId,
    pub(crate) path: &'static str,
    pub(crate) arguments: NamedArguments,
}

/// Arguments as JSON.
#[derive(Clone, Debug)]
pub(crate) struct NamedArguments {
    json: Vec<u8>,
    errors: Vec<ArgumentError>,
}

impl Call {
    #[doc(hidden)]
    pub fn new<F: Copy + 'static>(_function: F) -> Self {
        let arguments = NamedArguments {
            json: b"{".to_vec(),
            errors: Vec::new(),
        };
        Self {
            function: TypeId::of::<F>(),
            path: std::any::type_name::<F>(),
            arguments,
        }
    }

    /// Adds an argument. One that does not serialize is reported when the call runs, with everything else that is wrong.
    #[doc(hidden)]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "an argument is passed as to the function itself"
    )]
    pub fn with<V: Serialize>(mut self, name: &str, value: V) -> Self {
        let NamedArguments { json, errors } = &mut self.arguments;
        let name = name.strip_prefix("r#").unwrap_or(name);
        let start = json.len();
        if start > 1 {
            json.push(b',');
        }
        let key = serde_json::to_writer(&mut *json, name);
        json.push(b':');
        if let Err(error) = key.and_then(|()| serde_json::to_writer(&mut *json, &value)) {
            json.truncate(start);
            errors.push(ArgumentError::new(
                format!("/params/{name}"),
                format!("cannot be written as JSON: {error}"),
            ));
        }
        self
    }
}

impl NamedArguments {
    pub(crate) fn json(mut self) -> Result<String, InvalidArguments> {
        if !self.errors.is_empty() {
            return Err(InvalidArguments::Mismatch(self.errors));
        }
        self.json.push(b'}');
        String::from_utf8(self.json).map_err(InvalidArguments::malformed)
    }
}
