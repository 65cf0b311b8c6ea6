//! A character that cannot be in a name

use tasks_web::prelude::*;

#[task(name = "greet user")]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
