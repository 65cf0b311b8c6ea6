//! A function inside an `impl`
//!
//! A macro is not told where it stands, so the words are rustc's. Move the function out of the `impl`.

use tasks_web::prelude::*;

struct Greeter;

impl Greeter {
    #[task]
    async fn greet(name: String) -> String {
        format!("Hello, {name}!")
    }
}

fn main() {}
