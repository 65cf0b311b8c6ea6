//! An attribute of a derive

use tasks_web::prelude::*;

#[task]
async fn retry(
    #[schemars(range(min = 1, max = 5))] times: u32,
    #[serde(default)] hard: bool,
    #[garde(ascii)] reason: String,
) -> String {
    format!("{times} times, {hard}: {reason}")
}

fn main() {}
