//! Many mistakes at once

use tasks_web::prelude::*;

#[task(name = "greet user", tags = ["demo", "demo"], timeout = "soon", colour = "red")]
async fn greet<T>(
    #[task(default)] name: String,
    (x, y): (u8, u8),
    #[task(secret = true)] tokens: &mut Vec<String>,
) -> String {
    tokens.clear();
    format!("Hello, {name} at {x}, {y}!")
}

fn main() {}
