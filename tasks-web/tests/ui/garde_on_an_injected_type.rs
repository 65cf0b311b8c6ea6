//! `garde` on a parameter whose type is injected

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
struct Season {
    nights: u32,
}

#[task]
async fn book(#[task(garde)] season: Season) -> u32 {
    season.nights
}

#[task]
async fn change(#[task(inject, garde)] season: Season) -> u32 {
    season.nights
}

fn main() {}
