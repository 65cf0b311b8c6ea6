//! The type `Self`

use tasks_web::prelude::*;

struct Greeter;

impl Greeter {
    #[task]
    async fn greet(greeter: Self, name: String) -> String {
        let Greeter = greeter;
        format!("Hello, {name}!")
    }
}

fn main() {}
