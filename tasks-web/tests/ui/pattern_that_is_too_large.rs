//! A pattern whose repetitions multiply

use tasks_web::prelude::*;

#[task]
async fn find(#[task(pattern = r"^(\w{1,200}\s?){1,50}$")] words: String) -> String {
    words
}

fn main() {}
