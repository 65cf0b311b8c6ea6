//! A default of the wrong type

use tasks_web::prelude::*;

#[task]
async fn list(#[task(default = 1.5)] page: u32) -> u32 {
    page
}

fn main() {}
