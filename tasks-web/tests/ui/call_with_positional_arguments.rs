//! `call!` without the names

use tasks_web::prelude::*;

#[task]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn main() {
    let _ = call!(add, 1, 2);
}
