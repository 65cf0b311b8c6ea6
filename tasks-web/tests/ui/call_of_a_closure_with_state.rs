//! `task` of something that is no function

use tasks_web::prelude::*;

fn main() {
    let name = String::from("greet");
    let _ = task(name).named("welcome");
}
