//! A format that is not known

use tasks_web::prelude::*;

#[task]
async fn invite(#[task(format = "e-mail")] to: String) -> String {
    to
}

fn main() {}
