//! An option of a parameter given twice

use tasks_web::prelude::*;

#[task]
async fn greet(
    #[task(default = "World")]
    #[task(default = "you")]
    name: String,
) -> String {
    format!("Hello, {name}!")
}

fn main() {}
