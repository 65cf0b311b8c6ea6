//! Builds the document.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use tasks_runtime::{RegisteredTask, TaskFailure, TaskInfo};

use super::endpoint::{Endpoint, Writer};
use super::operation::{Operations, Schemas};
use super::version::Version;
use super::{Description, Mount, example, security, share};
use crate::Problem;
use crate::auth::Access;

const SCHEMAS: &str = "#/components/schemas/";

/// The document for a mount at `base`. A reader whose access is limited sees the tasks that it reaches.
pub(super) fn build(
    description: &Description,
    base: &str,
    version: Version,
    reader: Option<&Access>,
) -> Value {
    let mut generators = Generators::new(version);
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
            let schemas = generators.of(task);
            let execute = operations.execute(task, &id, schemas);
            #[cfg(feature = "database")]
            if let Some(queues) = &mount.queues {
                let id = ids.unique(&prefix, &format!("submit_{}", task.name()));
                let submit = crate::jobs::submit_operation(
                    &mut generators.writer(),
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
        generators.add(endpoint, base, &mut paths);
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
    let definitions = generators.definitions(&mut paths);
    let mut document = json!({
        "openapi": version.number(),
        "info": info,
        "paths": paths,
        "components": {"schemas": definitions},
    });
    if let Some(header) = &description.key_header {
        security::require_key(&mut document, header, &description.open_endpoints(base));
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
fn plain(id: &str) -> String {
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

/// A type may look different when it is read and when it is written, so there is a generator for each direction.
struct Generators {
    inputs: SchemaGenerator,
    outputs: SchemaGenerator,
}

impl Generators {
    fn new(version: Version) -> Self {
        let mut outputs = version.settings().for_serialize().into_generator();
        // Before the types of the tasks, of which one may have the same name: these are referred to by theirs.
        outputs.subschema_for::<Problem>();
        outputs.subschema_for::<TaskFailure>();
        outputs.subschema_for::<TaskInfo>();
        Self {
            inputs: version.settings().for_deserialize().into_generator(),
            outputs,
        }
    }

    fn of(&mut self, task: &RegisteredTask) -> Schemas {
        let mut input = task.input_schema(&mut self.inputs);
        let definitions = |name: &str| self.inputs.definitions().get(name).cloned();
        let example = example::of(&input, &definitions);
        Version::adapt(&mut input, &mut self.inputs);
        let output = task.output_schema(&mut self.outputs).map(|schema| {
            let mut schema = schema.into();
            Version::adapt(&mut schema, &mut self.outputs);
            schema
        });
        Schemas {
            input,
            output,
            example,
        }
    }

    fn writer(&mut self) -> Writer<'_> {
        Writer {
            inputs: &mut self.inputs,
            outputs: &mut self.outputs,
        }
    }

    fn add(&mut self, endpoint: &Endpoint, base: &str, paths: &mut Map<String, Value>) {
        let operation = endpoint.operation(&mut self.writer());
        let path = paths
            .entry(format!("{base}{}", endpoint.path))
            .or_insert_with(|| json!({}));
        path[endpoint.method] = operation;
    }

    /// `components/schemas`: everything that is referred to. The schemas of outputs, in `paths`, are corrected where a
    /// type has two looks.
    fn definitions(mut self, paths: &mut Map<String, Value>) -> Map<String, Value> {
        let mut all = self.inputs.take_definitions(true);
        let outputs = self.outputs.take_definitions(true);
        let twofold = renamed(&all, &outputs);
        let rename =
            |value: &mut Value| visit_references(value, &|name| twofold.get(name).cloned());
        for (name, mut schema) in outputs {
            rename(&mut schema);
            let name = twofold.get(&name).cloned().unwrap_or(name);
            all.insert(name, schema);
        }
        for (name, schema) in &mut all {
            title_variants(name, schema);
        }
        let operations = paths
            .values_mut()
            .filter_map(Value::as_object_mut)
            .flat_map(|path| path.values_mut());
        for responses in operations.filter_map(|operation| operation.get_mut("responses")) {
            rename(responses);
        }
        all
    }
}

/// The output types that need another name: those that look different as an input, and those that refer to such a type
/// and are inputs themselves.
fn renamed(inputs: &Map<String, Value>, outputs: &Map<String, Value>) -> HashMap<String, String> {
    let mut renamed: HashMap<String, String> = HashMap::new();
    loop {
        let found: Vec<&String> = outputs
            .iter()
            .filter(|(name, _)| inputs.contains_key(*name) && !renamed.contains_key(*name))
            .filter(|(name, schema)| {
                inputs.get(*name) != Some(schema) || refers_to(schema, &renamed)
            })
            .map(|(name, _)| name)
            .collect();
        if found.is_empty() {
            return renamed;
        }
        for name in found {
            let mut other = format!("{name}Output");
            while inputs.contains_key(&other) || outputs.contains_key(&other) {
                other.push('_');
            }
            renamed.insert(name.clone(), other);
        }
    }
}

/// Puts the name of an enum before the titles of its variants: generators make types of them, and many enums have an `Error`.
fn title_variants(name: &str, schema: &mut Value) {
    for keyword in ["oneOf", "anyOf"] {
        let variants = schema.get_mut(keyword).and_then(Value::as_array_mut);
        for variant in variants.into_iter().flatten() {
            if let Some(Value::String(title)) = variant.get_mut("title")
                && !title.starts_with(name)
            {
                let words = title.split(|c: char| !c.is_alphanumeric());
                let words = words.filter(|word| !word.is_empty()).map(|word| {
                    let (first, rest) =
                        word.split_at(word.chars().next().map_or(0, char::len_utf8));
                    first.to_uppercase() + rest
                });
                *title = format!("{name}{}", words.collect::<String>());
            }
        }
    }
}

fn refers_to(schema: &Value, names: &HashMap<String, String>) -> bool {
    let found = Cell::new(false);
    visit_references(&mut schema.clone(), &|name| {
        found.set(found.get() || names.contains_key(name));
        None
    });
    found.get()
}

/// Replaces the names that references into the components have, where `new_name` gives another.
fn visit_references(value: &mut Value, new_name: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(name) = reference.strip_prefix(SCHEMAS).and_then(new_name)
            {
                *reference = format!("{SCHEMAS}{name}");
            }
            map.values_mut()
                .for_each(|value| visit_references(value, new_name));
        }
        Value::Array(list) => list
            .iter_mut()
            .for_each(|value| visit_references(value, new_name)),
        _ => {}
    }
}
