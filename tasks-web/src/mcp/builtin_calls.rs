//! What the tools of the server's own do.

use serde_json::json;
use tasks_runtime::shared::nearest;

use super::builtin::Builtin;
use super::json::Object;
use super::peer::Peer;
use super::reply::{Answer, Reply};
use super::result::{self, refused};
use super::server::McpServer;
use super::tool::{Target, Tool};
use super::version::Version;

/// How many tasks a search gives.
const MAX_FOUND: usize = 20;

impl McpServer {
    pub(super) async fn call_builtin(
        &self,
        builtin: Builtin,
        arguments: &str,
        peer: &Peer,
    ) -> Answer {
        let name = builtin.name();
        let Some(given) = Object::of(arguments) else {
            return refused(
                name,
                "the arguments are an object, without members that are there twice",
            );
        };
        if let Some((unknown, _)) = given.iter().find(|(member, _)| !builtin.takes(member)) {
            let hint = match builtin {
                Builtin::RunTask => ": arguments of the task go into `arguments`",
                _ => "",
            };
            let unknown: String = unknown.escape_debug().take(100).collect();
            return refused(
                name,
                &format!("`{unknown}` is no argument of this tool{hint}"),
            );
        }
        match builtin {
            Builtin::SearchTasks => match given.text("query") {
                Ok(query) => Ok(self.search(query.as_deref().unwrap_or_default(), peer)),
                Err(_) => refused(name, "`query` is a text"),
            },
            Builtin::DescribeTask => match self.task_tool(&given, peer) {
                Ok(tool) => Ok(Reply::new(described(tool))),
                Err(reason) => refused(name, &reason),
            },
            Builtin::RunTask => match self.task_tool(&given, peer) {
                Ok(tool) => {
                    let arguments = given.some("arguments").unwrap_or("{}");
                    // A model may send the object as a text.
                    let text = super::json::text(arguments).ok();
                    let arguments = text.as_deref().unwrap_or(arguments);
                    if Object::of(arguments).is_none() || !super::json::is_json(arguments) {
                        return refused(name, "`arguments` is an object");
                    }
                    Box::pin(self.call_task_tool(tool, arguments, peer)).await
                }
                Err(reason) => refused(name, &reason),
            },
            #[cfg(feature = "database")]
            Builtin::JobsGet | Builtin::JobsCancel | Builtin::JobsLogs => {
                self.call_job_tool(builtin, &given, peer).await
            }
            #[cfg(not(feature = "database"))]
            Builtin::JobsGet | Builtin::JobsCancel | Builtin::JobsLogs => {
                refused(name, "there are no jobs")
            }
        }
    }

    /// The tool of the task that is named.
    fn task_tool(&self, given: &Object<'_>, peer: &Peer) -> Result<&Tool, String> {
        let Ok(Some(name)) = given.text("name") else {
            return Err("`name` is the name of a task, which is a text".to_owned());
        };
        let is_task = |tool: &&Tool| matches!(tool.target, Target::Task { .. });
        if let Ok(tool) = self.find(&name, peer)
            && is_task(&tool)
        {
            return Ok(tool);
        }
        let tasks = self.tools.iter().filter(is_task);
        let known = tasks.filter(|tool| self.is_visible(tool, peer));
        let near = nearest(&name, known.map(|tool| tool.name.as_str()), 3);
        let shown: String = name.chars().take(100).collect();
        Err(match near.is_empty() {
            true => format!("there is no task `{shown}`"),
            false => format!(
                "there is no task `{shown}`; did you mean `{}`?",
                near.join("`, `")
            ),
        })
    }

    /// Tasks that have some of the words, those with the most first.
    fn search(&self, query: &str, peer: &Peer) -> Reply {
        let words: Vec<String> = query
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        let tasks = self
            .tools
            .iter()
            .filter(|tool| matches!(tool.target, Target::Task { .. }));
        let mut found: Vec<(usize, &str, String)> = tasks
            .filter_map(|tool| {
                let task = self.task(&tool.name, peer)?;
                let text = task.docstring().unwrap_or_default();
                let (name, tags) = (
                    tool.name.to_lowercase(),
                    task.tags().join(" ").to_lowercase(),
                );
                let lower = text.to_lowercase();
                // A word in the name counts most.
                let points = words.iter().map(|word| {
                    4 * usize::from(name.contains(word.as_str()))
                        + 2 * usize::from(tags.contains(word.as_str()))
                        + usize::from(lower.contains(word.as_str()))
                });
                let points: usize = points.sum();
                let line = text.lines().next().unwrap_or_default().to_owned();
                (points > 0 || words.is_empty()).then_some((points, tool.name.as_str(), line))
            })
            .collect();
        found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let total = found.len();
        found.truncate(MAX_FOUND);
        let listed: Vec<_> = found
            .iter()
            .map(|(_, name, line)| json!({"name": name, "summary": line}))
            .collect();
        let mut text = found
            .iter()
            .map(|(_, name, line)| format!("- {name}: {line}"))
            .collect::<Vec<_>>()
            .join("\n");
        if found.is_empty() {
            "No task has these words; search for others, or for none to list tasks."
                .clone_into(&mut text);
        } else if total > MAX_FOUND {
            text.push_str(&format!(
                "\n({} more: search for other words)",
                total - MAX_FOUND
            ));
        }
        let json = json!({"tasks": listed, "total": total});
        Reply::new(result::with_text(&text, &json.to_string()))
    }
}

/// All that the list of tools says of one where it is listed.
fn described(tool: &Tool) -> String {
    let definition = tool.definition(Version::V2026_07_28);
    result::with_text(definition, definition)
}
