//! A rule that takes its parameters by value
//!
//! A rule gets references: the task itself takes the values afterwards.

use tasks_web::prelude::*;

fn check(from: u32, to: u32) -> Result<(), ArgumentError> {
    if from > to {
        return Err(ArgumentError::of_parameter("to", "is before `from`"));
    }
    Ok(())
}

#[task(validate = check)]
async fn book(from: u32, to: u32) -> u32 {
    to - from
}

fn main() {}
