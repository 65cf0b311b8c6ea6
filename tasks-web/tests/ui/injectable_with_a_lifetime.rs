//! `Injectable` for a type that borrows

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
struct Mailer<'a> {
    from: &'a str,
}

fn main() {}
