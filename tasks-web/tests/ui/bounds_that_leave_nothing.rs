//! Bounds that no value keeps

use tasks_web::prelude::*;

#[task]
async fn rate(
    #[task(range(min = 5, max = 1))] stars: u8,
    #[task(range(min = 1, exclusive_max = 1))] weight: u8,
    #[task(length(min = 3, max = 2))] text: String,
    #[task(length(min = -1))] words: Vec<String>,
    #[task(multiple_of = 0)] step: u32,
) -> String {
    format!("{stars} {weight} {text} {words:?} {step}")
}

fn main() {}
