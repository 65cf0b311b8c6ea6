//! A type that borrows

use tasks_web::prelude::*;

use std::borrow::Cow;

#[task]
async fn greet(name: Cow<'_, str>) -> String {
    format!("Hello, {name}!")
}

fn main() {}
