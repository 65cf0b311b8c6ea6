//! A function with an ABI

use tasks_web::prelude::*;

#[task]
extern "C" fn double(x: i64) -> i64 {
    x * 2
}

fn main() {}
