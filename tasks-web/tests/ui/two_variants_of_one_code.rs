//! Two variants of one code, and a code with spaces

use tasks_web::FailureCodes;

#[derive(Debug, thiserror::Error, FailureCodes)]
enum PaymentError {
    #[error("declined")]
    CardDeclined,
    #[error("declined by the bank")]
    #[failure(code = "card-declined")]
    Refused,
    #[error("no")]
    #[failure(code = "not a code")]
    No,
}

fn main() {}
