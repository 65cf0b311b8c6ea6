//! A future that is not `Send`, of a function that borrows

use tasks_web::prelude::*;

use std::rc::Rc;

async fn later() {}

#[task]
async fn count(text: &str) -> usize {
    let words = Rc::new(text.split(' ').collect::<Vec<_>>());
    later().await;
    words.len()
}

fn main() {}
