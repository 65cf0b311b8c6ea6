//! An injected parameter that is secret

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
struct Mailer;

#[task]
async fn welcome(#[task(secret)] mailer: Mailer, to: String) -> String {
    let Mailer = mailer;
    to
}

fn main() {}
