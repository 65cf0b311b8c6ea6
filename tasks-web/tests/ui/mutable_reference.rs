//! A parameter of type `&mut`

use tasks_web::prelude::*;

#[task]
async fn sort(values: &mut Vec<u32>) -> usize {
    values.sort();
    values.len()
}

fn main() {}
