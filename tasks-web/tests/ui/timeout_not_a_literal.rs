//! A timeout that is not a string

use tasks_web::prelude::*;

#[task(timeout = 30)]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
