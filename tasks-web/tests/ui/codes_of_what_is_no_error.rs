//! Codes of what is no error

use tasks_web::FailureCodes;

#[derive(Debug, FailureCodes)]
enum PaymentError {
    Declined,
}

fn main() {}
