//! A rule that is given an injected parameter

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
struct Season {
    nights: u32,
}

fn check(nights: &u32, season: &Season) -> Result<(), ArgumentError> {
    if *nights > season.nights {
        return Err(ArgumentError::of_parameter("nights", "too many"));
    }
    Ok(())
}

#[task(validate = check)]
async fn book(nights: u32, season: Season) -> u32 {
    nights + season.nights
}

#[task(validate = check(nights, season))]
async fn change(nights: u32, season: Season) -> u32 {
    nights + season.nights
}

fn main() {}
