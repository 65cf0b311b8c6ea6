//! A timeout of zero

use tasks_web::prelude::*;

#[task(timeout = "0s")]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
