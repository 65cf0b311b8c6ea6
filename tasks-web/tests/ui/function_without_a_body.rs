//! A function without a body

use tasks_web::prelude::*;

#[task]
async fn greet(name: String) -> String;

fn main() {}
