//! An empty parameter name

use tasks_web::prelude::*;

#[task]
async fn greet(#[task(rename = "")] name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
