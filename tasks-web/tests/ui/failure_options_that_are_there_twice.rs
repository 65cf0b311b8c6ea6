//! Codes, details and times of failures that cannot be meant

use tasks_web::FailureCodes;

#[derive(Debug, thiserror::Error, FailureCodes)]
enum PaymentError {
    #[error("declined")]
    #[failure(code = "one")]
    #[failure(code = "other")]
    Declined,
    #[error("busy {0} {1}")]
    Busy(#[failure(detail = "at")] u8, #[failure(detail = "at")] u8),
    #[error("late {0}")]
    Late(#[failure(detail = "")] u8),
    #[error("never")]
    #[failure(retry_after = "100000h")]
    Never,
    #[error("full")]
    Überlauf,
}

fn main() {}
