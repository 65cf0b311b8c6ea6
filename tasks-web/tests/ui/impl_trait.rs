//! A parameter of type `impl Trait`

use tasks_web::prelude::*;

#[task]
async fn greet(name: impl Into<String>) -> String {
    format!("Hello, {}!", name.into())
}

fn main() {}
