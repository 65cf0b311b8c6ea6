//! A rule whose error says nothing of parameters

use tasks_web::prelude::*;

struct TooLong;

fn check(nights: &u32) -> Result<(), TooLong> {
    if *nights > 30 { Err(TooLong) } else { Ok(()) }
}

#[task(validate = check)]
async fn book(nights: u32) -> u32 {
    nights
}

fn main() {}
