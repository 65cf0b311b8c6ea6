//! A call that nobody runs
//!
//! `call!` names a task and its arguments. Inside of a task, take a `TaskExecutor` as a parameter; in a handler there is one in the service.

use tasks_web::prelude::*;

#[task]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[task]
async fn twice(a: i64) -> anyhow::Result<i64> {
    let sum: i64 = call!(add, a = a, b = a).await?;
    Ok(sum)
}

fn main() {}
