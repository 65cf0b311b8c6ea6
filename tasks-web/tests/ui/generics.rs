//! A generic function

use tasks_web::prelude::*;

#[task]
async fn largest<T: Ord>(values: Vec<T>) -> Option<T> {
    values.into_iter().max()
}

fn main() {}
