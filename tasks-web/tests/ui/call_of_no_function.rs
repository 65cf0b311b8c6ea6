//! `call!` of a function that does not exist

use tasks_web::prelude::*;

#[task]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn main() {
    let _ = call!(ad, a = 1, b = 2);
}
