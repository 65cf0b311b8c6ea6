//! A bound, or one of the values, that is not of the parameter's type

use tasks_web::prelude::*;

#[task]
async fn rate(
    #[task(range(min = 0.5))] stars: u8,
    #[task(one_of(1, 2))] shelf: String,
    #[task(length(max = "5"))] words: Vec<String>,
) -> String {
    format!("{stars} {shelf} {words:?}")
}

fn main() {}
