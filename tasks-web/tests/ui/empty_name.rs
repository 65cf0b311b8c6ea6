//! An empty name

use tasks_web::prelude::*;

#[task(name = "")]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
