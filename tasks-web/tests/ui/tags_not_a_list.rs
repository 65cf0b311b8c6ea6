//! Tags that are not a list

use tasks_web::prelude::*;

#[task(tags = "demo")]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
