//! Completion of the arguments of prompts and of templates.

use serde_json::{Value, json};

use super::error::McpError;
use super::peer::Peer;
use super::reply::{Answer, Reply};
use super::request::{CompletedArgument, Reference};
use super::resources::TASK_TEMPLATE;
use super::server::McpServer;

/// How many values are sent (2026-07-28, Completion).
const MAX_VALUES: usize = 100;

impl McpServer {
    pub(super) fn complete(
        &self,
        reference: &Reference,
        argument: &CompletedArgument,
        peer: &Peer,
    ) -> Answer {
        let values: Vec<String> = match reference {
            Reference::Prompt(name) => {
                let prompt = self.find_prompt(name, peer)?;
                let schema = super::schema::of_arguments(&prompt.input_schema);
                values(&schema["properties"][argument.name.as_str()])
            }
            Reference::Template(uri) if uri == TASK_TEMPLATE && argument.name == "name" => {
                let tasks = self.documented_tasks(peer);
                tasks.map(|task| task.name().to_owned()).collect()
            }
            Reference::Template(uri)
                if self
                    .templates()
                    .iter()
                    .any(|it| it["uriTemplate"] == json!(uri)) =>
            {
                Vec::new()
            }
            Reference::Template(uri) => {
                let shown: String = uri.chars().take(200).collect();
                return Err(McpError::invalid(format!("there is no template `{shown}`")));
            }
        };
        let begin = argument.value.to_lowercase();
        let fits: Vec<String> = values
            .into_iter()
            .filter(|value| value.to_lowercase().starts_with(&begin))
            .collect();
        let total = fits.len();
        let sent = &fits[..total.min(MAX_VALUES)];
        let completion = json!({"values": sent, "total": total, "hasMore": total > MAX_VALUES});
        Ok(Reply::new(format!("\"completion\":{completion}")))
    }
}

/// The values that a schema lists, as texts.
fn values(schema: &Value) -> Vec<String> {
    let listed = schema.get("enum").or_else(|| schema.get("examples"));
    let listed = listed.and_then(Value::as_array).into_iter().flatten();
    let mut values: Vec<String> = listed
        .map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
        .collect();
    if schema.get("type") == Some(&json!("boolean")) {
        values.extend(["true".to_owned(), "false".to_owned()]);
    }
    values
}
