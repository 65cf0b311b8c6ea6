//! Options of a parameter without parentheses

use tasks_web::prelude::*;

#[task]
async fn greet(#[task = "World"] name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
