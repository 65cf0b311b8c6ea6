//! Tasks over types of all kinds, as far as serde and schemars can describe them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tasks_web::prelude::*;
use tasks_web::{TaskExecutor, TaskRegistry};

use crate::app::Running;

/// A number of any length, or a text of one.
#[derive(Serialize, Deserialize, Default)]
struct Decimal(String);

impl JsonSchema for Decimal {
    fn schema_name() -> Cow<'static, str> {
        "Decimal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"], "pattern": "^-?[0-9]+$"})
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Shape {
    Point,
    Circle(f64),
    Line(f64, f64),
    Named { name: String },
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Outcome {
    Success { value: Option<Value> },
    Error { why: Option<Box<Self>> },
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Either {
    Number(i64),
    Text(String),
    Nothing(()),
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Everything {
    decimal: Decimal,
    maybe_decimal: Option<Decimal>,
    pair: (i32, String),
    twins: (u8, u8),
    none: [u8; 0],
    three: [f32; 3],
    by_number: HashMap<u32, Vec<String>>,
    by_sign: BTreeMap<i8, Option<Shape>>,
    set: BTreeSet<u16>,
    any: Value,
    maybe_any: Option<Value>,
    unit: (),
    maybe_shape: Option<Shape>,
    either: Either,
    maybe_either: Option<Either>,
    letter: char,
    wait: Duration,
    wide: u128,
    #[schemars(range(min = 1, max = 5), extend("exclusiveMinimum" = 0))]
    stars: i64,
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

#[task(register = false)]
async fn echo(everything: Everything) -> Everything {
    everything
}

#[task(register = false)]
async fn a_b(outcome: Outcome, data: Value, pair: Option<(i64, bool)>) -> Option<Outcome> {
    let _ = (data, pair);
    Some(outcome)
}

#[task(register = false)]
async fn at(
    #[task(default = SystemTime::now())] time: SystemTime,
    #[task(default = Duration::from_secs(5))] wait: Duration,
) -> SystemTime {
    time + wait
}

/// A result that can be anything.
#[task(register = false)]
async fn anything(data: Option<Value>) -> anyhow::Result<Value> {
    Ok(data.unwrap_or_default())
}

/// All of them.
///
/// # Panics
///
/// When two have one name.
#[must_use]
pub fn registry() -> TaskRegistry {
    let registry = TaskRegistry::builder()
        .task(echo)
        .task(a_b)
        .task(task(a_b).named("a-b"))
        .task(at)
        .task(anything)
        .build();
    registry.expect("their names differ")
}

/// Serves them at `/tasks`.
///
/// # Panics
///
/// When no port can be had.
#[must_use]
pub fn serve() -> Running {
    let executor = TaskExecutor::builder(registry()).build();
    let executor = executor.expect("nothing is injected");
    Running::start(move |config| {
        config.service(tasks_web::scope("/tasks", executor.clone()));
    })
}
