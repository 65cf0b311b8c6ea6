//! An unknown option on a parameter

use tasks_web::prelude::*;

#[task]
async fn greet(#[task(optional)] name: String) -> String {
    format!("Hello, {name}!")
}

fn main() {}
