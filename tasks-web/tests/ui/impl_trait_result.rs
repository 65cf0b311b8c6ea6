//! A result of type `impl Trait`

use tasks_web::prelude::*;

#[task]
async fn numbers(up_to: u32) -> impl Iterator<Item = u32> {
    0..up_to
}

fn main() {}
