//! A pattern that is no regular expression

use tasks_web::prelude::*;

#[task]
async fn find(#[task(pattern = "^[a-z+$")] code: String) -> String {
    code
}

fn main() {}
