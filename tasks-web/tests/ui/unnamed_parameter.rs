//! A parameter without a name

use tasks_web::prelude::*;

#[task]
async fn ping(_: String) -> String {
    "pong".to_owned()
}

fn main() {}
