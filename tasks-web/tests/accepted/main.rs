//! Ways of writing a task that have to work, however unusual they are.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod attributes;
mod fragments;
mod parameters;
mod places;
mod shadows;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tasks_web::TaskFn;

/// Runs a task by itself, with arguments as a request has them.
fn run<T: DeserializeOwned>(task: TaskFn, params: Value) -> T {
    let task = task.named("task");
    let executor = tasks_web::testing::executor([task]).build().unwrap();
    actix_web::rt::System::new()
        .block_on(executor.execute("task", params))
        .unwrap()
}

fn signature(task: TaskFn) -> String {
    let registry = tasks_web::TaskRegistry::builder()
        .task(task.named("task"))
        .build()
        .unwrap();
    registry.info("task").unwrap().signature
}
