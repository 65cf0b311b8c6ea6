//! A struct

use tasks_web::prelude::*;

#[task]
struct Greeting {
    message: String,
}

fn main() {}
