#[task(crate = tasks_web, validate = check_stay)]
async fn book_room(room: &str, #[task(garde)] stay: Stay) -> String {
    book(room, stay).await
}

#[task(crate = tasks_web, validate = rules::order(from, *to, MAX_DAYS))]
fn count(from: NaiveDate, #[task(rename = "until")] to: i64, settings: Settings) -> i64 {
    settings.count(from, to)
}
