//! A string as default of a number

use tasks_web::prelude::*;

#[task]
async fn list(#[task(default = "1")] page: u32) -> u32 {
    page
}

fn main() {}
