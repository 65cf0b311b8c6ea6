//! A bound that is said twice

use tasks_web::prelude::*;

#[task]
async fn rate(
    #[task(range(min = 1, exclusive_min = 0))] stars: u8,
    #[task(length(equal = 3, max = 5))] text: String,
) -> String {
    format!("{stars} {text}")
}

fn main() {}
