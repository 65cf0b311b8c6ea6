/// Greets somebody.
#[task(crate = tasks_web)]
pub async fn greet_user(name: String) -> String {
    format!("Hello, {name}!")
}
