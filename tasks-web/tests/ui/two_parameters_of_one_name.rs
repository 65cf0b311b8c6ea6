//! Two parameters of one name

use tasks_web::prelude::*;

#[task]
async fn copy(from: String, #[task(rename = "from")] to: String) -> String {
    format!("{from} -> {to}")
}

fn main() {}
