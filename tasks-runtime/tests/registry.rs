//! Registries: what is found, what is refused.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tasks_runtime::prelude::*;
use tasks_runtime::{ExecuteError, RegistryProblem};

/// Task docstring.
///
/// More of it.
#[task(tags = ["processing", "etl"])]
async fn my_task(
    /// The text.
    param: String,
    #[task(default = vec![1, 2])] list: Vec<u8>,
    limit: Option<u32>,
    context: TaskContext,
) -> String {
    let _ = (list, limit, context);
    param.to_uppercase()
}

#[task(register = false)]
fn another_task(x: i64) -> i64 {
    x * 2
}

mod elsewhere {
    use tasks_runtime::prelude::*;

    #[task(name = "other-name", tags = ["etl"])]
    pub(crate) fn not_the_name() {}
}

fn plain() {}

#[test]
fn discovery_finds_what_is_linked_and_registered() {
    let registry = TaskRegistry::discover().unwrap();
    assert_eq!(registry.list(), ["my_task", "other-name"]);
    assert!(
        registry.has("my_task") && !registry.has("another_task") && !registry.has("not_the_name")
    );
    assert_eq!(registry.list_by_tags(["etl"]), ["my_task", "other-name"]);
    assert_eq!(registry.list_by_tags(["etl", "processing"]), ["my_task"]);
    assert_eq!(registry.list_by_tags(["nope"]), [""; 0]);
    assert_eq!(registry.list_by_tags([""; 0]), registry.list());
    assert_eq!(
        registry.crates().into_iter().collect::<Vec<_>>(),
        [("registry".to_owned(), 2)]
    );
}

#[test]
fn the_metadata_is_what_was_written() {
    let info = TaskRegistry::discover().unwrap().info("my_task").unwrap();
    assert_eq!(
        info.docstring.as_deref(),
        Some("Task docstring.\n\nMore of it.")
    );
    assert_eq!(
        info.signature,
        "(param: String, list: Vec<u8> = vec![1, 2], limit: Option<u32>, context: TaskContext) -> String"
    );
    assert_eq!(info.tags, ["processing", "etl"]);
    let flags: Vec<_> = info
        .parameters
        .iter()
        .map(|p| {
            (
                p.name.as_str(),
                p.annotation.as_str(),
                p.default.as_deref(),
                p.required,
                p.injected,
            )
        })
        .collect();
    assert_eq!(
        flags,
        [
            ("param", "String", None, true, false),
            ("list", "Vec<u8>", Some("vec![1, 2]"), false, false),
            ("limit", "Option<u32>", None, false, false),
            ("context", "TaskContext", None, false, true),
        ]
    );
    assert_eq!(info.input_schema["required"], json!(["param"]));
    assert_eq!(info.input_schema["additionalProperties"], json!(false));
    assert_eq!(
        info.input_schema["properties"]["list"]["default"],
        json!([1, 2])
    );
    assert_eq!(
        info.input_schema["properties"]["param"]["description"],
        "The text."
    );
    assert!(info.input_schema["properties"].get("context").is_none());
    assert_eq!(info.output_schema.unwrap()["type"], "string");
}

#[test]
fn a_task_is_registered_under_other_names_by_its_function() {
    use elsewhere::not_the_name as renamed;
    let registry = TaskRegistry::builder()
        .task(task(another_task).named("double_it").tagged(["math"]))
        .task(another_task)
        .task(renamed)
        .build()
        .unwrap();
    assert_eq!(registry.list(), ["another_task", "double_it", "other-name"]);
    assert_eq!(registry.list_by_tags(["math"]), ["double_it"]);
    assert_eq!(registry.info("double_it").unwrap().name, "double_it");
}

#[test]
fn every_problem_is_reported_at_once() {
    let error = TaskRegistry::builder()
        .discover()
        .task(my_task)
        .task(plain)
        .task(task(another_task).named("a/b").tagged(["x", "x", " "]))
        .register_fn("numbers", ["x"], |_: u8| async { Ok::<_, String>(()) })
        .build()
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("two tasks are named `my_task`: at ")
            && text.matches("registry.rs:").count() >= 2,
        "{text}"
    );
    assert!(
        text.contains("`registry::plain` is not a task: annotate it with `#[task]`"),
        "{text}"
    );
    assert!(
        text.contains("`a/b` cannot be a task's name: `/` cannot be part of it"),
        "{text}"
    );
    assert!(
        text.contains("tag `x` is given twice") && text.contains("a tag must not be empty"),
        "{text}"
    );
    assert!(
        text.contains("task `numbers`: its parameters are a `u8`, which is not a struct"),
        "{text}"
    );
    assert_eq!(error.problems().len(), 6);
    assert!(error.problems().iter().any(
        |problem| matches!(problem, RegistryProblem::Duplicate { name, .. } if name == "my_task")
    ));
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    let error = TaskRegistry::discover()
        .unwrap()
        .info("my_tsk")
        .unwrap_err();
    let ExecuteError::UnknownTask {
        nearest,
        registered,
        ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (nearest.as_slice(), *registered),
        (&["my_task".to_owned()][..], 2)
    );
    assert_eq!(
        error.to_string(),
        "no task is named `my_tsk`; did you mean `my_task`? (2 registered)"
    );
    let empty = TaskRegistry::builder()
        .build()
        .unwrap()
        .info("x")
        .unwrap_err()
        .to_string();
    assert!(empty.contains("none is registered"), "{empty}");
}

/// Scales a value.
#[derive(Deserialize, JsonSchema)]
struct Scale {
    /// What to scale.
    value: f64,
    #[serde(default = "two")]
    factor: f64,
    note: Option<String>,
}

fn two() -> f64 {
    2.0
}

#[tokio::test]
async fn closures_are_tasks_whose_parameters_are_fields() {
    let offset = 1.0;
    let registry = TaskRegistry::builder()
        .register_fn("scale", ["math"], move |scale: Scale| async move {
            if scale.note.is_some() {
                Err("no notes")
            } else {
                Ok(scale.value * scale.factor + offset)
            }
        })
        .register_blocking_fn("scale_blocking", ["math"], |scale: Scale| {
            Ok::<_, TaskError>(scale.value)
        })
        .build()
        .unwrap();
    let info = registry.info("scale").unwrap();
    assert_eq!(info.docstring.as_deref(), Some("Scales a value."));
    assert_eq!(
        info.signature,
        "(value: number, factor: number, note: string | null) -> f64"
    );
    let required: Vec<_> = info
        .parameters
        .iter()
        .map(|p| (p.name.as_str(), p.required))
        .collect();
    assert_eq!(
        required,
        [("value", true), ("factor", false), ("note", false)]
    );

    let executor = TaskExecutor::builder(registry).build().unwrap();
    let run = |params: Value| executor.execute::<f64>("scale", params);
    assert!((run(json!({"value": 3.0})).await.unwrap() - 7.0).abs() < f64::EPSILON);
    assert!(matches!(
        run(json!({"value": 3.0, "note": "x"})).await,
        Err(ExecuteError::Failed(_))
    ));
    let refused = run(json!({"vale": 1, "factor": "x"}))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("/params/vale: unknown parameter, did you mean `value`?"),
        "{refused}"
    );
    assert!(
        refused.contains("/params/value: required, and missing"),
        "{refused}"
    );
    assert!(
        refused.contains("/params/factor: invalid type"),
        "{refused}"
    );
    assert!(
        (executor
            .execute::<f64>("scale_blocking", json!({"value": 1.5}))
            .await
            .unwrap()
            - 1.5)
            .abs()
            < f64::EPSILON
    );
}

#[test]
fn names_that_are_left_out_exist() {
    let registry = TaskRegistry::builder()
        .register_fn("one", [""; 0], |(): ()| async { Ok::<_, TaskError>(1) })
        .register_blocking_fn("two", [""; 0], |(): ()| Ok::<_, TaskError>(2))
        .build()
        .unwrap();
    let error = registry.clone().without(["twoo", "one", "x"]).unwrap_err();
    assert_eq!(error.problems().len(), 2);
    assert!(
        error
            .to_string()
            .contains("`twoo`, to be left out; did you mean `two`?"),
        "{error}"
    );
    assert_eq!(registry.without(["two"]).unwrap().list(), ["one"]);
}

#[tokio::test]
async fn closures_may_have_no_parameters() {
    let registry = TaskRegistry::builder()
        .register_fn("one", [""; 0], |(): ()| async { Ok::<_, TaskError>(1) })
        .register_blocking_fn("two", [""; 0], |(): ()| Ok::<_, TaskError>(2))
        .build()
        .unwrap();
    let info = registry.info("one").unwrap();
    assert_eq!(info.signature, "() -> i32");
    assert_eq!(
        info.input_schema,
        serde_json::json!({"type": "object", "properties": {}, "additionalProperties": false})
    );
    let executor = TaskExecutor::builder(registry).build().unwrap();
    assert_eq!(executor.execute::<i32>("one", ()).await.unwrap(), 1);
    let answer = executor.execute_json("two", b"").await.unwrap();
    assert_eq!(
        String::from_utf8(answer).unwrap(),
        r#"{"task_name":"two","params":{},"result":2,"error":null}"#
    );
    let error = executor
        .execute_json("two", br#"{"params": {"x": 1}}"#)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("this task takes none"),
        "{error}"
    );
}

#[test]
fn all_that_is_wrong_with_a_closure_is_said_at_once() {
    let error = TaskRegistry::builder()
        .register_fn("a b", ["x", "x"], |number: u32| async move {
            Ok::<_, TaskError>(number)
        })
        .build()
        .unwrap_err();
    assert_eq!(error.problems().len(), 3, "{error}");
}
