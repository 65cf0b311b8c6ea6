//! A function whose name cannot be a task's

use tasks_web::prelude::*;

#[task]
async fn größe(cm: f64) -> f64 {
    cm / 100.0
}

fn main() {}
