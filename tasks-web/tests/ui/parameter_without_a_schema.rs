//! A parameter without a schema

use tasks_web::prelude::*;

#[derive(serde::Deserialize)]
struct Address {
    street: String,
}

#[task]
async fn send(address: Address) -> String {
    address.street
}

fn main() {}
