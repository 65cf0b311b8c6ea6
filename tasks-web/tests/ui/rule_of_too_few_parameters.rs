//! A rule that takes some of the parameters
//!
//! Name them: `validate = check(from, to)`.

use tasks_web::prelude::*;

fn check(from: &u32, to: &u32) -> Result<(), ArgumentError> {
    if from > to {
        return Err(ArgumentError::of_parameter("to", "is before `from`"));
    }
    Ok(())
}

#[task(validate = check)]
async fn book(room: String, from: u32, to: u32) -> String {
    format!("{room} for {} nights", to - from)
}

fn main() {}
