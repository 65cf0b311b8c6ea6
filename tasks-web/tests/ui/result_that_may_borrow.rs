//! A result that may borrow

use std::borrow::Cow;
use tasks_web::prelude::*;

#[task]
async fn trimmed(text: &str) -> Cow<str> {
    Cow::Borrowed(text.trim())
}

fn main() {}
