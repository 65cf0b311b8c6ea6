//! A prompt: a task that writes messages for a model.

use serde_json::{Value, json};
use tasks_runtime::RegisteredTask;

use super::tool::title_of;
use crate::openapi::without_rustdoc_links;

/// A prompt.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) name: String,
    /// The prompt as it is listed.
    pub(super) definition: Value,
    /// The schema of its arguments, for completion.
    pub(super) input_schema: Value,
}

impl Prompt {
    pub(super) fn of(task: &RegisteredTask) -> Self {
        let info = task.info();
        let policy = task.tool();
        let arguments: Vec<Value> = info
            .parameters
            .iter()
            .filter(|parameter| !parameter.injected)
            .map(|parameter| {
                let mut argument = json!({"name": parameter.name, "required": parameter.required});
                if let Some(text) = &parameter.description {
                    argument["description"] = json!(without_rustdoc_links(text));
                }
                argument
            })
            .collect();
        let title = policy
            .title
            .map_or_else(|| title_of(&info.name), str::to_owned);
        let mut definition = json!({"name": info.name, "title": title, "arguments": arguments});
        if let Some(text) = &info.docstring {
            definition["description"] = json!(without_rustdoc_links(text.trim()));
        }
        if let Some(icon) = policy.icon {
            definition["icons"] = json!([{"src": icon}]);
        }
        Self {
            name: info.name,
            definition,
            input_schema: info.input_schema,
        }
    }
}
