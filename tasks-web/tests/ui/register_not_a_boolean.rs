//! A `register` that is neither `true` nor `false`

use tasks_web::prelude::*;

#[task(register = "no")]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
