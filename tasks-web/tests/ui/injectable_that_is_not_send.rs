//! `Injectable` for a type that is not `Send`

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
struct Mailer {
    from: std::rc::Rc<str>,
}

fn main() {}
