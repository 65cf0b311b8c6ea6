//! A code of the framework's own
//!
//! A client could not tell a timeout of the task's own from one of the framework.

use tasks_web::FailureCodes;

#[derive(Debug, thiserror::Error, FailureCodes)]
enum UpstreamError {
    #[error("the other service did not answer in time")]
    Timeout,
    #[error("it crashed")]
    #[failure(code = "crash")]
    Crashed,
}

fn main() {}
