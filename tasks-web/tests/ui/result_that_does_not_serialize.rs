//! A result that does not serialize

use tasks_web::prelude::*;

struct Greeting {
    message: String,
}

#[task]
async fn greet(name: String) -> Greeting {
    Greeting { message: name }
}

fn main() {}
