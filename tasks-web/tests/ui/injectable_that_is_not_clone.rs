//! `Injectable` for a type that is not `Clone`

use tasks_web::prelude::*;

#[derive(Injectable)]
struct Mailer {
    from: String,
}

fn main() {}
