//! A constraint that says nothing

use tasks_web::prelude::*;

#[task]
async fn rate(#[task(range)] stars: u8, #[task(length())] text: String, #[task(range = 5)] weight: u8) -> String {
    format!("{stars} {text} {weight}")
}

fn main() {}
