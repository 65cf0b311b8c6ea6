//! An option given twice

use tasks_web::prelude::*;

#[task(name = "greet", tags = ["demo"], name = "welcome")]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
