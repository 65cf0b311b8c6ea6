//! A parameter that is not `Send`

use tasks_web::prelude::*;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Numbers(std::cell::Cell<u32>, #[serde(skip)] std::marker::PhantomData<*const u8>);

#[task]
fn count(numbers: Numbers) -> u32 {
    numbers.0.get()
}

fn main() {}
