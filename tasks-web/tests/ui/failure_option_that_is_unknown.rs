//! An unknown option of a variant

use tasks_web::FailureCodes;

#[derive(Debug, thiserror::Error, FailureCodes)]
#[failure(code = "payment")]
enum PaymentError {
    #[error("declined")]
    #[failure(permanant)]
    Declined,
    #[error("busy {0}")]
    #[failure]
    Busy(#[failure(details)] u8),
}

fn main() {}
