//! Options that belong to something else

use tasks_web::prelude::*;
use tasks_web::FailureCodes;

#[task(garde, secret)]
fn login(password: String) -> usize {
    password.len()
}

#[task(validate(check))]
fn book(from: u32) -> u32 {
    from
}

fn check(_: &u32) -> Result<(), &'static str> {
    Ok(())
}

#[derive(Debug, thiserror::Error, FailureCodes)]
#[failure(permanent)]
enum PaymentError {
    #[error("declined")]
    Declined,
}

fn main() {}
