//! A `const` function

use tasks_web::prelude::*;

#[task]
const fn double(x: i64) -> i64 {
    x * 2
}

fn main() {}
