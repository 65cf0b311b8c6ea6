//! An example of the wrong type

use tasks_web::prelude::*;

#[task]
async fn list(#[task(example = true)] page: u32) -> u32 {
    page
}

fn main() {}
