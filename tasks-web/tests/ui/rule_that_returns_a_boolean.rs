//! A rule that does not say what is wrong

use tasks_web::prelude::*;

fn is_ordered(from: &u32, to: &u32) -> bool {
    from <= to
}

#[task(validate = is_ordered(from, to))]
async fn book(from: u32, to: u32) -> u32 {
    to - from
}

fn main() {}
