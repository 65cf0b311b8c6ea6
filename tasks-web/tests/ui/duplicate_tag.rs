//! A tag given twice

use tasks_web::prelude::*;

#[task(tags = ["demo", "simple", "demo"])]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
