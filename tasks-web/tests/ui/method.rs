//! A method

use tasks_web::prelude::*;

struct Greeter {
    greeting: String,
}

impl Greeter {
    #[task]
    async fn greet(&self, name: String) -> String {
        format!("{}, {name}!", self.greeting)
    }
}

fn main() {}
