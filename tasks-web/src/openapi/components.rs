//! The schemas that operations refer to.

use std::collections::{BTreeMap, HashMap};

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};
use tasks_runtime::{RegisteredTask, TaskFailure, TaskInfo};

use super::names::{Direction, SchemaUse, looks, names};
use super::operation::Schemas;
use super::references::visit_references;
use super::type_origin::Origin;
use super::version::Version;
use super::writer::Writer;
use super::{example, variants};
use crate::Problem;

/// All that the operations refer to.
pub(super) struct Components {
    version: Version,
    /// The service's own types, which are referred to by their names.
    inputs: SchemaGenerator,
    outputs: SchemaGenerator,
    /// What the parameters and results of tasks refer to, each by itself. Until [`finish`](Self::finish) they are referred
    /// to by the number of the part and the name in it.
    parts: Vec<SchemaUse>,
}

impl Components {
    pub(super) fn new(version: Version) -> Self {
        let mut outputs = version.settings().for_serialize().into_generator();
        outputs.subschema_for::<Problem>();
        outputs.subschema_for::<TaskFailure>();
        outputs.subschema_for::<TaskInfo>();
        Self {
            version,
            inputs: version.settings().for_deserialize().into_generator(),
            outputs,
            parts: Vec::new(),
        }
    }

    pub(super) fn writer(&mut self) -> Writer<'_> {
        Writer {
            inputs: &mut self.inputs,
            outputs: &mut self.outputs,
        }
    }

    /// The schemas of a task.
    pub(super) fn of(&mut self, task: &RegisteredTask) -> Schemas {
        let mut raw = HashMap::new();
        let mut input = task.input_schema_by(&mut |type_name, write| {
            let origin = Origin::new(type_name, task.name());
            let mut plain = self.generator(Direction::Input);
            // With their names in this part, for the example.
            let _: Schema = write(&mut plain);
            let number = self.parts.len();
            for (name, schema) in plain.definitions() {
                let mut schema = schema.clone();
                visit_references(&mut schema, &|name| Some(provisional(number, name)));
                raw.insert(provisional(number, name), schema);
            }
            self.part(Direction::Input, origin, &|generator| {
                Some(write(generator))
            })
            .unwrap_or_default()
        });
        let example = example::of(&input, &|reference| raw.get(reference).cloned());
        Version::adapt(&mut input, &mut self.inputs);
        let origin = Origin::new(task.output_type(), task.name());
        let write = |generator: &mut SchemaGenerator| task.output_schema(generator);
        let output = self.part(Direction::Output, origin, &write).map(|schema| {
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

    fn generator(&self, direction: Direction) -> SchemaGenerator {
        let settings = self.version.settings();
        match direction {
            Direction::Input => settings.for_deserialize(),
            Direction::Output => settings.for_serialize(),
        }
        .into_generator()
    }

    /// The schema of one parameter or result, with provisional references.
    fn part(
        &mut self,
        direction: Direction,
        origin: Origin,
        write: &dyn Fn(&mut SchemaGenerator) -> Option<Schema>,
    ) -> Option<Schema> {
        let mut generator = self.generator(direction);
        let mut schema = write(&mut generator)?.to_value();
        let definitions = generator.take_definitions(true);
        if definitions.is_empty() {
            return schema.try_into().ok();
        }
        let mut other = self.generator(direction.other());
        // What it refers to is what counts.
        _ = write(&mut other);
        let others = other.take_definitions(true);
        let (own, others) = (looks(&definitions), looks(&others));
        let looks = own.into_iter().map(|(name, look)| {
            let mut looks = [Some(look), others.get(&name).copied()];
            if direction == Direction::Output {
                looks.reverse();
            }
            (name, looks)
        });
        let number = self.parts.len();
        visit_references(&mut schema, &|name| Some(provisional(number, name)));
        self.parts.push(SchemaUse {
            direction,
            origin,
            looks: looks.collect(),
            definitions,
        });
        schema.try_into().ok()
    }

    /// `components/schemas`, with the references in `paths` to them.
    pub(super) fn finish(mut self, paths: &mut Map<String, Value>) -> Map<String, Value> {
        let own = [
            self.inputs.take_definitions(true),
            self.outputs.take_definitions(true),
        ];
        let names = names(&own, &self.parts);
        let mut all = BTreeMap::new();
        let mut add = |part: Option<usize>, direction, definitions: Map<String, Value>| {
            for (name, mut schema) in definitions {
                visit_references(&mut schema, &|name| {
                    names.get(&(part, direction, name.to_owned())).cloned()
                });
                if let Some(name) = names.get(&(part, direction, name)) {
                    variants::title(name, &mut schema);
                    all.insert(name.clone(), schema);
                }
            }
        };
        let [inputs, outputs] = own;
        add(None, Direction::Input, inputs);
        add(None, Direction::Output, outputs);
        let directions: Vec<Direction> = self.parts.iter().map(|part| part.direction).collect();
        for (number, part) in self.parts.into_iter().enumerate() {
            add(Some(number), part.direction, part.definitions);
        }
        let rename = |value: &mut Value, direction: Direction| {
            visit_references(value, &|reference| {
                if let Some((number, name)) = of_part(reference) {
                    let direction = *directions.get(number)?;
                    return names
                        .get(&(Some(number), direction, name.to_owned()))
                        .cloned();
                }
                [direction, direction.other()]
                    .into_iter()
                    .find_map(|direction| names.get(&(None, direction, reference.to_owned())))
                    .cloned()
            });
        };
        let operations = paths
            .values_mut()
            .filter_map(Value::as_object_mut)
            .flat_map(|path| path.values_mut());
        for operation in operations.filter_map(Value::as_object_mut) {
            for (key, value) in operation {
                rename(
                    value,
                    match key.as_str() {
                        "responses" => Direction::Output,
                        _ => Direction::Input,
                    },
                );
            }
        }
        variants::extract(all).into_iter().collect()
    }
}

/// How a schema of a part is referred to until it has its name. No name that schemars gives has a slash.
fn provisional(part: usize, name: &str) -> String {
    format!("{part}/{name}")
}

fn of_part(reference: &str) -> Option<(usize, &str)> {
    let (part, name) = reference.split_once('/')?;
    Some((part.parse().ok()?, name))
}
