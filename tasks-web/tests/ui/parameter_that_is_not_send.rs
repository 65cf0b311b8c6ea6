//! A parameter that is not `Send`

use tasks_web::prelude::*;

use std::marker::PhantomData;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Handle {
    number: u32,
    #[serde(skip)]
    local: PhantomData<*const ()>,
}

#[task]
async fn double(handle: Handle) -> u32 {
    let _ = handle.local;
    handle.number * 2
}

fn main() {}
