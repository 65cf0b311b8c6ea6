//! A reference inside a type

use tasks_web::prelude::*;

#[task]
async fn greet(name: Option<&str>) -> String {
    format!("Hello, {}!", name.unwrap_or("World"))
}

fn main() {}
