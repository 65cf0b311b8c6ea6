//! A constraint of a parameter that is injected by `inject`

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
struct Rate(u8);

#[task]
async fn charge(#[task(inject, length(min = 1))] rate: Rate) -> u8 {
    rate.0
}

fn main() {}
