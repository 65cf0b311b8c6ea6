//! Codes of a generic error, of one that borrows, and of one that never happens

use tasks_web::FailureCodes;

#[derive(Debug, thiserror::Error, FailureCodes)]
#[error("wrapped")]
struct Wrapped<T>(T);

#[derive(Debug, thiserror::Error, FailureCodes)]
#[error("borrowed {0}")]
struct Borrowed<'a>(&'a str);

#[derive(Debug, FailureCodes)]
enum Never {}

fn main() {}
