//! A variadic function

use tasks_web::prelude::*;

#[task]
fn sum(first: i64, mut rest: ...) -> i64 {
    first
}

fn main() {}
