//! A result that borrows

use tasks_web::prelude::*;

#[task]
async fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}

fn main() {}
