//! A detail that does not serialize, and a time that is none

use tasks_web::FailureCodes;

#[derive(Debug)]
struct Internal;

#[derive(Debug, thiserror::Error, FailureCodes)]
#[error("failed")]
struct Failed {
    #[failure(detail)]
    internal: Internal,
    #[failure(retry_after)]
    wait: u64,
}

fn main() {}
