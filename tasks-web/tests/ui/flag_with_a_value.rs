//! A flag with a value

use tasks_web::prelude::*;

#[task]
async fn log_in(#[task(secret = true)] password: String) -> bool {
    password == "sesame"
}

fn main() {}
