//! A result that does not serialize, of a sync function

use tasks_web::prelude::*;

struct Greeting {
    message: String,
}

#[task]
fn greet(name: String) -> Greeting {
    Greeting { message: name }
}

fn main() {}
