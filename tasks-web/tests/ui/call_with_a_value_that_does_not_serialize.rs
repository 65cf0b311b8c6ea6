//! `call!` with a value that does not serialize

use tasks_web::prelude::*;

struct Number;

#[task]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn main() {
    let _ = call!(add, a = Number, b = 2);
}
