//! A conditional parameter

use tasks_web::prelude::*;

#[task]
async fn greet(name: String, #[cfg(unix)] shell: String) -> String {
    format!("Hello, {name}, you use {shell}!")
}

fn main() {}
