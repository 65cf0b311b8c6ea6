//! A transparent variant without an error

use tasks_web::FailureCodes;

#[derive(Debug, thiserror::Error, FailureCodes)]
enum PaymentError {
    #[error("{0}")]
    #[failure(transparent)]
    Text(String),
}

fn main() {}
