//! `garde` on a parameter whose type does not implement `garde::Validate`

use schemars::JsonSchema;
use serde::Deserialize;
use tasks_web::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Order {
    lines: Vec<String>,
}

#[task]
async fn order(#[task(garde)] order: Order) -> usize {
    order.lines.len()
}

fn main() {}
