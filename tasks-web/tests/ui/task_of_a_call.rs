//! `task` of a call instead of a function
//!
//! It takes the function itself: `task(add)`.

use tasks_web::prelude::*;

#[task]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn main() {
    let _ = task(add(1, 2)).named("sum");
}
