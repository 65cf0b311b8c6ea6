//! A rule that is `async`
//!
//! Rules run while a request is read. What has to wait for a database belongs into the task.

use tasks_web::prelude::*;

async fn check(nights: &u32) -> Result<(), ArgumentError> {
    Err(ArgumentError::of_parameter("nights", format!("{nights}")))
}

#[task(validate = check)]
async fn book(nights: u32) -> u32 {
    nights
}

fn main() {}
