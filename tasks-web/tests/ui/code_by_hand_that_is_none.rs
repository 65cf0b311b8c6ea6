//! A code by hand that is none

use tasks_web::FailureCode;

const EMPTY: FailureCode = FailureCode::new("");
const RESERVED: FailureCode = FailureCode::new("timeout");
const STATUS: FailureCode = FailureCode::new("found").with_status(200);

fn main() {
    println!("{EMPTY:?} {RESERVED:?} {STATUS:?}");
}
