//! An example for an injected parameter

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
struct Mailer;

#[task]
async fn welcome(#[task(example = Mailer)] mailer: Mailer, to: String) -> String {
    let Mailer = mailer;
    to
}

fn main() {}
