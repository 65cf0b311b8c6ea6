//! Options without a comma between them

use tasks_web::prelude::*;

#[task(name = "greet" tags = ["demo"])]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
