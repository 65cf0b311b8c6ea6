//! Who sees what.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, COOKIE};
use serde_json::json;
use tasks_tests::http;

use super::*;

#[task(register = false, tags = ["math"])]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[task(register = false, tags = ["text"])]
async fn shout(text: String) -> String {
    text.to_uppercase()
}

const OPS: &str = "ops-0123456789abcdef";
const MATH: &str = "math-0123456789abcdef";

fn builder() -> ServiceBuilder {
    let registry = TaskRegistry::builder().task(add).task(shout);
    let keys = ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("math", MATH).tags(["math"]));
    Service::builder(info())
        .with_tasks(registry.build().unwrap())
        .with_jobs(Jobs::new())
        .with_auth(keys)
}

async fn log_in(page: &Dashboard, key: &str) {
    page.css("#key").await.send_keys(key).await.unwrap();
    page.click("Log in").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_asked_for_and_shows_its_tasks() {
    let page = Dashboard::open(builder(), "/tasks").await;
    log_in(&page, MATH).await;
    page.text("add").await;
    assert!(!page.body().await.contains("shout"));
    page.goto("/tasks/add").await;
    page.enter("/a", "40").await;
    page.enter("/b", "2").await;
    page.click("Execute").await;
    page.sees("42").await;
    page.click("Log out").await;
    page.css("#key").await;
    page.goto("/tasks").await;
    log_in(&page, OPS).await;
    page.text("shout").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_key_sees_and_is_offered_nothing_to_change() {
    const KEY: &str = "looks-0123456789abcdef";
    let registry = TaskRegistry::builder().task(add).build().unwrap();
    let keys = ApiKeys::new().key(ApiKey::new("display", KEY).read_only());
    let builder = Service::builder(info())
        .with_tasks(registry)
        .with_jobs(Jobs::new())
        .with_auth(keys);
    let page = Dashboard::open(builder, "/tasks/add").await;
    log_in(&page, KEY).await;
    page.enter("/a", "x").await;
    page.sees("`x` is not a number").await;
    page.enter("/a", "1").await;
    page.sees("Your key may look, and run nothing.").await;
    let body = page.body().await;
    assert!(
        !body.contains("Execute") && !body.contains("Submit"),
        "{body}"
    );
    page.close().await;
}

/// A page of another site sends the cookie of a person along, where the browser lets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_page_sends_is_refused() {
    let page = Dashboard::open(builder(), "/tasks").await;
    log_in(&page, OPS).await;
    page.text("add").await;
    let cookies = page.browser.client().get_all_cookies().await.unwrap();
    let cookie = cookies
        .iter()
        .map(|cookie| format!("{}={}", cookie.name(), cookie.value()))
        .collect::<Vec<_>>()
        .join("; ");
    assert!(
        cookies
            .iter()
            .all(|cookie| cookie.http_only() == Some(true))
    );
    let url = page.app.url("/api/v1/tasks/add/$submit");
    let send = |name: &'static str, value: &'static str| {
        let request = http::client().unwrap().post(&url);
        let request = request.header(COOKIE, &cookie).header(name, value);
        http::answer(
            request
                .header(CONTENT_TYPE, "application/json")
                .body(json!({"params": {"a": 1, "b": 2}}).to_string()),
        )
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("x-nothing", "no browser says so little"),
    ] {
        let (status, problem) = send(name, value).await.unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN, "{name}: {value} {problem}");
    }
    let (status, job) = send("sec-fetch-site", "same-origin").await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    page.close().await;
}
