//! A collection of another crate's type

use tasks_web::prelude::*;

#[task]
async fn wait(times: Vec<std::time::Instant>) -> usize {
    times.len()
}

fn main() {}
