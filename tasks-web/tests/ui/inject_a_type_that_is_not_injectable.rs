//! `inject` for a type that is not injectable

use tasks_web::prelude::*;

struct Mailer;

#[task]
async fn welcome(#[task(inject)] mailer: Mailer, to: String) -> String {
    let Mailer = mailer;
    to
}

fn main() {}
