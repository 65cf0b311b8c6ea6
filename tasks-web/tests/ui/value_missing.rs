//! An option without its value

use tasks_web::prelude::*;

#[task(timeout)]
async fn greet(#[task(default)] name: String, #[task(example =)] age: u8) -> String {
    format!("Hello, {name}, {age}!")
}

fn main() {}
