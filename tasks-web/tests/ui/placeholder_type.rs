//! A type that is left out

use tasks_web::prelude::*;

#[task]
async fn sum(values: Vec<_>) -> i64 {
    values.into_iter().sum()
}

fn main() {}
