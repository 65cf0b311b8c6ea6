//! A mistake in the body

use tasks_web::prelude::*;

#[task]
async fn greet(name: String) -> String {
    name.len()
}

fn main() {}
