//! A constraint of a parameter whose type is injected
//!
//! That the type is one that is not known to have a range is said, too.

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
struct Rate(u8);

#[task]
async fn charge(#[task(range(min = 1))] rate: Rate) -> u8 {
    rate.0
}

fn main() {}
