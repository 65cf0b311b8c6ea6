//! A body that is still being written

use tasks_web::prelude::*;

#[task]
async fn greet(name: String) -> String {
    let greeting = name.
}

fn main() {
    let _ = greet(String::new());
}
