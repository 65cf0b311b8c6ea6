//! A timeout without a unit

use tasks_web::prelude::*;

#[task(timeout = "30")]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
