//! Options of a variant that contradict each other

use std::time::Duration;

use tasks_web::FailureCodes;

#[derive(Debug, thiserror::Error, FailureCodes)]
enum PaymentError {
    #[error("declined")]
    #[failure(permanent, retry_after = "30s")]
    Declined,
    #[error("busy")]
    #[failure(retry_after = "soon", status = 200)]
    Busy,
    #[error("wait")]
    #[failure(retry_after = "30s")]
    Wait(#[failure(retry_after)] Duration),
    #[error("{0}")]
    #[failure(transparent, code = "other")]
    Other(std::io::Error),
    #[error("{0} {1}")]
    #[failure(transparent)]
    Two(std::io::Error, u8),
    #[error("{0}")]
    Unnamed(#[failure(detail)] u8),
    #[error("{0}")]
    #[failure(details)]
    Tuple(u8),
}

fn main() {}
