//! Builds the document.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use tasks_runtime::RegisteredTask;

use super::components::Components;
use super::operation::Operations;
use super::version::Version;
use super::{Description, Mount, older, security, share};
use crate::auth::Access;

/// The document for a mount at `base`. A reader whose access is limited sees the tasks that it reaches.
pub(super) fn build(
    description: &Description,
    base: &str,
    version: Version,
    reader: Option<&Access>,
) -> Value {
    let mut components = Components::new(version);
    let mut ids = Ids::default();
    let mut paths = Map::new();
    for mount in &description.mounts {
        let prefix = mount.path(base);
        let operations = Operations {
            version,
            prefix: &prefix,
        };
        let is_visible = |task: &&RegisteredTask| reader.is_none_or(|reader| reader.reaches(task));
        for task in mount.executor.registry().iter().filter(is_visible) {
            let id = ids.unique(&prefix, &format!("execute_{}", task.name()));
            let schemas = components.of(task);
            let execute = operations.execute(task, &id, schemas);
            #[cfg(feature = "database")]
            if let Some(queues) = &mount.queues {
                let id = ids.unique(&prefix, &format!("submit_{}", task.name()));
                let submit = crate::jobs::submit_operation(
                    &mut components.writer(),
                    task,
                    &execute,
                    &id,
                    queues,
                );
                paths.insert(
                    format!("{prefix}/{}/$submit", task.name()),
                    json!({"post": submit}),
                );
            }
            paths.insert(
                format!("{prefix}/{}/$execute", task.name()),
                json!({"post": execute}),
            );
        }
        let list = operations.list(&ids.unique(&prefix, "list_tasks"));
        paths.insert(
            if prefix.is_empty() {
                "/".to_owned()
            } else {
                prefix.clone()
            },
            json!({"get": list}),
        );
        let info = operations.info(&ids.unique(&prefix, "get_task"));
        paths.insert(format!("{prefix}/{{name}}"), json!({"get": info}));
    }
    for endpoint in &description.endpoints {
        let operation = endpoint.operation(&mut components.writer());
        let path = paths
            .entry(format!("{base}{}", endpoint.path))
            .or_insert_with(|| json!({}));
        path[endpoint.method] = operation;
    }
    let mut info = json!({"title": description.title, "version": description.version});
    if let Some(text) = &description.text {
        info["description"] = json!(text);
    }
    if let Some(service) = &description.service {
        let more = service.openapi(version == Version::V3_1);
        for (key, value) in more {
            info[key] = value;
        }
    }
    let definitions = components.finish(&mut paths);
    let mut document = json!({
        "openapi": version.number(),
        "info": info,
        "paths": paths,
        "components": {"schemas": definitions},
    });
    if let Some(header) = &description.key_header {
        security::require_key(&mut document, header, &description.open_endpoints(base));
    }
    if version == Version::V3_0 {
        older::simplify(&mut document);
    }
    share::responses(&mut document);
    document
}

impl Mount {
    /// Where the tasks are, seen from outside.
    fn path(&self, base: &str) -> String {
        format!("{}{}", self.base.as_deref().unwrap_or(base), self.prefix)
    }
}

/// Operation ids, which have to be unique in the whole document, also where a generator makes names of a language of them.
#[derive(Default)]
struct Ids(HashSet<String>);

/// What generators make of an id, whose words they put together in their own way.
pub(super) fn plain(id: &str) -> String {
    id.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

impl Ids {
    /// The id itself, or with the path before it when another scope has it.
    fn unique(&mut self, prefix: &str, id: &str) -> String {
        let path: Vec<&str> = prefix
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|part| !part.is_empty())
            .collect();
        let mut candidate = id.to_owned();
        let mut number = 1;
        while !self.0.insert(plain(&candidate)) {
            candidate = match number {
                1 => format!("{}_{id}", path.join("_")),
                number => format!("{}_{id}_{number}", path.join("_")),
            };
            number += 1;
        }
        candidate
    }
}
