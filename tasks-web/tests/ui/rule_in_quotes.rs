//! A rule in quotes

use tasks_web::prelude::*;

fn check(nights: &u32) -> Result<(), ArgumentError> {
    Err(ArgumentError::of_parameter("nights", format!("{nights}")))
}

#[task(validate = "check")]
async fn book(nights: u32) -> u32 {
    nights
}

fn main() {
    let _ = check(&1);
}
