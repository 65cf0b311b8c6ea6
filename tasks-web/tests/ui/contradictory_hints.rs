//! Options about agents that contradict each other, or are not what they have to be.

use tasks_web::prelude::*;

#[task(read_only, destructive)]
async fn both() {}

#[task(prompt, mcp = "job")]
async fn a_prompt_and_a_job() -> String {
    String::new()
}

#[task(prompt, mcp = false)]
async fn a_prompt_for_nobody() -> String {
    String::new()
}

#[task(mcp = "task")]
async fn another_kind() {}

#[task(read_only = "yes")]
async fn not_a_switch() {}

#[task(title = "")]
async fn no_title() {}

#[task(icon = "http://example.org/icon.png")]
async fn an_icon_that_is_not_loaded() {}

fn main() {}
