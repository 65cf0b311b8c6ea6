//! A module

use tasks_web::prelude::*;

#[task]
mod greetings {
    pub fn greet() {}
}

fn main() {}
