//! A body that is still being written
//!
//! The words are rustc's own, and only those about the body: the function is there for whoever calls it.

use tasks_web::prelude::*;

#[task]
async fn greet(name: String) -> String {
    let greeting = name.
}

fn main() {
    let _ = greet(String::new());
}
