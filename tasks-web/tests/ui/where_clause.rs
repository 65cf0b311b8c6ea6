//! A `where` clause

use tasks_web::prelude::*;

#[task]
async fn greet(name: String) -> String
where
    String: Clone,
{
    format!("Hello, {name}!")
}

fn main() {}
