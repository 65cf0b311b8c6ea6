//! A future as the result

use std::pin::Pin;
use tasks_web::prelude::*;

#[task]
fn greet(name: String) -> Pin<Box<dyn Future<Output = String> + Send>> {
    Box::pin(async move { format!("Hello, {name}!") })
}

fn main() {}
