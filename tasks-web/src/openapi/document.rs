//! Builds the document.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use tasks_runtime::RegisteredTask;

use super::components::Components;
use super::description::Description;
use super::failures;
use super::generator_names::plain;
use super::operation::Operations;
use super::version::Version;
use super::{openapi_3_0, rustdoc_links, security, shared_responses};
use crate::access::Access;

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
        let is_visible = |task: &&RegisteredTask| reader.is_none_or(|reader| reader.allows(task));
        for task in mount.executor.registry().iter().filter(is_visible) {
            let id = ids.unique(&prefix, &format!("execute_{}", task.name()));
            let schemas = components.of(task);
            let mut execute = operations.execute(task, &id, schemas);
            if let Some(submit) = &mount.submit {
                let id = ids.unique(&prefix, &format!("submit_{}", task.name()));
                let submit = submit(&mut components.writer(), task, &execute, &id);
                paths.insert(
                    format!("{prefix}/{}/$submit", task.name()),
                    json!({"post": submit}),
                );
            }
            if let Some(status) = mount.failure_status {
                failures::add_responses(&mut execute, task, status);
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
        let validate = operations.validate(&ids.unique(&prefix, "validate_task"));
        paths.insert(
            format!("{prefix}/{{name}}/$validate"),
            json!({"post": validate}),
        );
    }
    for operation in &description.operations {
        let written = operation.write(&mut components.writer());
        let path = paths
            .entry(format!("{base}{}", operation.path))
            .or_insert_with(|| json!({}));
        path[operation.method.as_str()] = written;
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
        security::require_key(&mut document, header, &description.open_operations(base));
    }
    if version == Version::V3_0 {
        openapi_3_0::simplify(&mut document);
    }
    rustdoc_links::remove(&mut document);
    shared_responses::responses(&mut document);
    document
}

/// Operation ids, which have to be unique in the whole document, also where a generator makes names of a language of them.
#[derive(Default)]
struct Ids(HashSet<String>);

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
