//! An unknown option of `Injectable`

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
#[injectable(shared)]
struct Mailer {
    from: String,
}

fn main() {}
