//! A route that is a task

use tasks_web::prelude::*;

#[task]
#[actix_web::get("/greet")]
async fn greet() -> String {
    "Hello!".to_owned()
}

fn main() {}
