//! An empty tag

use tasks_web::prelude::*;

#[task(tags = ["demo", ""])]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
