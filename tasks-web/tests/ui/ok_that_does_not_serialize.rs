//! A `Result` whose value does not serialize

use tasks_web::prelude::*;

struct Greeting {
    message: String,
}

#[task]
async fn greet(name: String) -> Result<Greeting, String> {
    Ok(Greeting { message: name })
}

fn main() {}
