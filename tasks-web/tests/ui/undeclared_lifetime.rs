//! A lifetime that is not declared

use tasks_web::prelude::*;

#[task]
async fn greet(name: &'a str) -> String {
    format!("Hello, {name}!")
}

fn main() {}
