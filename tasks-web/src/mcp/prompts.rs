//! Prompts are listed, and write their messages.

use serde_json::{Value, json};

use super::arguments;
use super::content::PromptMessage;
use super::error::{ErrorCode, McpError};
use super::failures::argument_errors;
use super::peer::Peer;
use super::prompt::Prompt;
use super::reply::{Answer, Reply};
use super::result;
use super::server::McpServer;

impl McpServer {
    pub(super) fn list_prompts(&self, peer: &Peer) -> Reply {
        let visible = self
            .prompts
            .iter()
            .filter(|prompt| self.task(&prompt.name, peer).is_some());
        let prompts: Vec<&Value> = visible.map(|prompt| &prompt.definition).collect();
        let mut members = format!("\"prompts\":{}", json!(prompts));
        if peer.version.is_stateless() {
            members.push(',');
            members.push_str(&self.caching());
        }
        Reply::new(members)
    }

    /// The prompt of this name, if it is there for whoever asks.
    pub(super) fn find_prompt(&self, name: &str, peer: &Peer) -> Result<&Prompt, McpError> {
        let found = self.prompts.iter().find(|prompt| prompt.name == name);
        found
            .filter(|prompt| self.task(&prompt.name, peer).is_some())
            .ok_or_else(|| {
                let shown: String = name.chars().take(100).collect();
                McpError::invalid(format!("there is no prompt `{shown}`"))
            })
    }

    pub(super) async fn get_prompt(&self, name: &str, arguments: &str, peer: &Peer) -> Answer {
        let prompt = self.find_prompt(name, peer)?;
        let executor = &self.executor;
        let run = async |arguments: String| {
            executor
                .execute_params_for(&prompt.name, &arguments, peer.caller.clone())
                .await
        };
        let mut executed = run(arguments.to_owned()).await;
        // Arguments of prompts are texts, whatever the task takes.
        if let Some(repaired) = executed
            .as_ref()
            .err()
            .and_then(|error| arguments::repaired(arguments, argument_errors(error)?))
        {
            executed = run(repaired).await;
        }
        let json = match executed {
            Ok(Ok(json)) => json,
            Ok(Err(failed)) => {
                let text = result::failure_text(name, &failed);
                return Err(McpError::new(ErrorCode::Internal, text));
            }
            Err(error) => return Err(McpError::invalid(result::refusal(&error))),
        };
        let messages = messages(&json).ok_or_else(|| {
            McpError::new(
                ErrorCode::Internal,
                format!("the prompt `{name}` returned no messages: it has to return a text, a `PromptMessage`, or a list of them"),
            )
        })?;
        let mut members = format!("\"messages\":{messages}");
        if let Some(text) = prompt.definition.get("description") {
            members.push_str(&format!(",\"description\":{text}"));
        }
        Ok(Reply::new(members))
    }
}

/// The messages that a task returned.
fn messages(json: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(json).ok()?;
    let list = match value {
        Value::String(text) => json!([PromptMessage::user(text)]),
        Value::Array(list) => Value::Array(list),
        one => json!([one]),
    };
    serde_json::from_value::<Vec<PromptMessage>>(list.clone()).ok()?;
    Some(list)
}
