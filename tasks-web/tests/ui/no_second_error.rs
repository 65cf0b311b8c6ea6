//! A task with a mistake, called elsewhere

use tasks_web::prelude::*;

#[task(tags = "demo")]
async fn greet(name: String, #[task(defualt = 1)] times: usize) -> String {
    format!("Hello, {name}!").repeat(times)
}

#[task]
async fn greet_all(names: Vec<String>) -> Vec<String> {
    let mut greetings = Vec::new();
    for name in names {
        greetings.push(greet(name, 2).await);
    }
    greetings
}

fn main() {
    let _ = call!(greet, name = "Ada");
    let _ = task(greet).named("welcome");
}
