//! A name that is not a literal

use tasks_web::prelude::*;

const NAME: &str = "greet";

#[task(name = NAME)]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
