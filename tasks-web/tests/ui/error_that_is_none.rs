//! An error type that is not an error

use tasks_web::prelude::*;

struct Refused;

#[task]
async fn withdraw(amount: u32) -> Result<u32, Refused> {
    if amount > 100 { Err(Refused) } else { Ok(amount) }
}

fn main() {}
