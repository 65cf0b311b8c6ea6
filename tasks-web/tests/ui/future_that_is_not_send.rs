//! A future that is not `Send`

use tasks_web::prelude::*;

use std::rc::Rc;

async fn later() {}

#[task]
async fn count(up_to: u32) -> usize {
    let numbers = Rc::new((0..up_to).collect::<Vec<u32>>());
    later().await;
    numbers.len()
}

fn main() {}
