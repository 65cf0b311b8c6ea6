//! `Injectable` for a type that is not `Sync`

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
struct Counter {
    count: std::cell::Cell<u32>,
}

fn main() {}
