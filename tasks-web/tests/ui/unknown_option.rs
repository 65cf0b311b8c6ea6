//! An unknown option on the function

use tasks_web::prelude::*;

#[task(summary = "Greets a user")]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
