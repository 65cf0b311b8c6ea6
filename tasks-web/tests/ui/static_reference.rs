//! A reference that lives for ever

use tasks_web::prelude::*;

#[task]
async fn greet(name: &'static str) -> String {
    format!("Hello, {name}!")
}

fn main() {}
