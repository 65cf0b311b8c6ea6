//! A lifetime parameter

use tasks_web::prelude::*;

#[task]
async fn greet<'a>(greeting: &'a str, name: &'a str) -> String {
    format!("{greeting}, {name}!")
}

fn main() {}
