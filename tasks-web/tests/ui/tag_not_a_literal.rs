//! A tag that is not a literal

use tasks_web::prelude::*;

const DEMO: &str = "demo";

#[task(tags = [DEMO, "simple"])]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
