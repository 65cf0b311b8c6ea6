//! Limits over all processes that cannot be

use tasks_web::prelude::*;

#[task(global_concurrency = 0)]
fn never() {}

#[task(rate = "100")]
fn no_period() {}

#[task(rate = "0/1m")]
fn none_at_all() {}

#[task(rate = "10/48h")]
fn too_long() {}

#[task(concurrency_per_key = 2)]
fn which_key(tenant: String) -> String { tenant }

#[task(rate_per_key = "2/s")]
fn which_key_of_a_rate(tenant: String) -> String { tenant }

#[task(concurrency_key = "tennant")]
fn misspelt(tenant: String, file: String) -> String { tenant + &file }

#[task(concurrency_key = "/order/tenant")]
fn without_parameters() {}

#[task(concurrency_key = "token")]
fn shown(#[task(secret)] token: String) -> usize { token.len() }

#[task(concurrency_key = "session")]
fn injected(#[task(inject)] session: State<u8>) -> u8 { *session }

fn main() {}
