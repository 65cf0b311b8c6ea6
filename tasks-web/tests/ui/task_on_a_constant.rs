//! A constant

use tasks_web::prelude::*;

#[task]
const GREETING: &str = "Hello";

fn main() {}
