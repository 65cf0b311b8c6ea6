//! `request` for a type that cannot be read

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
struct Mailer;

#[task]
async fn welcome(#[task(request)] mailer: Mailer, to: String) -> String {
    let Mailer = mailer;
    to
}

fn main() {}
