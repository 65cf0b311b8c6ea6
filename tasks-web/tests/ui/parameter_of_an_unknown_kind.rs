//! A parameter that is neither injectable nor readable

use tasks_web::prelude::*;

struct Address {
    street: String,
}

#[task]
async fn send(address: Address) -> String {
    address.street
}

fn main() {}
