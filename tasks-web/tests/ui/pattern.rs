//! A parameter that is a pattern

use tasks_web::prelude::*;

#[task]
async fn distance((x, y): (f64, f64)) -> f64 {
    x.hypot(y)
}

fn main() {}
