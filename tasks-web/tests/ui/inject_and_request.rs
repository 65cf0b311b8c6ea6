//! `inject` and `request` at once

use tasks_web::prelude::*;

#[derive(Clone, Injectable)]
struct Mailer;

#[task]
async fn welcome(#[task(inject, request)] mailer: Mailer, to: String) -> String {
    let Mailer = mailer;
    to
}

fn main() {}
