//! A function of a type

use tasks_web::prelude::*;

struct Greeter;

impl Greeter {
    #[task]
    async fn greet(name: String) -> String {
        format!("Hello, {name}!")
    }
}

fn main() {}
