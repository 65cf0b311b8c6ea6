//! An example that does not serialize

use tasks_web::prelude::*;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Page(u32);

#[task]
async fn list(#[task(example = Page(1))] page: Page) -> u32 {
    page.0
}

fn main() {}
