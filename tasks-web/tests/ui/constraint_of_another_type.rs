//! A constraint that is not for the type of its parameter

use tasks_web::prelude::*;

#[task]
async fn publish(
    #[task(range(min = 1))] title: String,
    #[task(length(max = 5))] pages: u32,
    #[task(pattern = "^[0-9]+$")] year: i64,
    #[task(one_of(true))] draft: bool,
    #[task(items(length(min = 1)))] author: &str,
) -> String {
    format!("{title} {pages} {year} {draft} {author}")
}

fn main() {}
