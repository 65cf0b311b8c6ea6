//! A misspelt option on the function

use tasks_web::prelude::*;

#[task(timout = "30s")]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
