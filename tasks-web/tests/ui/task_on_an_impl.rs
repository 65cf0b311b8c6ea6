//! An `impl` block

use tasks_web::prelude::*;

struct Greeter;

#[task]
impl Greeter {
    fn greet(&self) {}
}

fn main() {}
