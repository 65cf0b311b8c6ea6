//! A request as a parameter

use actix_web::{HttpRequest, web};
use tasks_web::prelude::*;

#[task]
async fn whoami(request: HttpRequest, pool: web::Data<String>) -> String {
    format!("{} {}", request.path(), pool.as_str())
}

fn main() {}
