//! How the service does, at a glance.

use fantoccini::Locator;
use serde_json::json;
use tasks_tests::http;

use super::*;

#[task(register = false, tags = ["math"])]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Always fails.
#[task(register = false)]
async fn fail(reason: String) -> Result<(), TaskError> {
    Err(TaskError::msg(reason))
}

fn builder() -> ServiceBuilder {
    let registry = TaskRegistry::builder().task(add).task(fail);
    Service::builder(info())
        .with_tasks(registry.build().unwrap())
        .with_jobs(Jobs::new().history_interval(Duration::from_millis(100)))
}

async fn submit(page: &Dashboard, task: &str, params: Value) {
    let url = page.app.url(&format!("/api/v1/tasks/{task}/$submit"));
    let (status, job) = http::post(&url, &json!({"params": params})).await.unwrap();
    assert_eq!(status.as_u16(), 202, "{job}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_view_says_how_the_service_does() {
    let page = Dashboard::open(builder(), "").await;
    page.sees("No job was submitted or has ended in the last hour.")
        .await;
    page.sees("Nothing has failed in the last hour.").await;
    for n in 0..3 {
        submit(&page, "add", json!({"a": n, "b": 1})).await;
    }
    submit(&page, "fail", json!({"reason": "the disk is on fire"})).await;
    // It is read again by itself.
    page.sees("the disk is on fire").await;
    page.css("svg rect.completed").await;
    page.css("svg rect.failed").await;
    let chart = page.css("svg[role=img]").await;
    let said = chart.attr("aria-label").await.unwrap().unwrap();
    assert!(
        said.contains("3 completed") && said.contains("1 failed"),
        "{said}"
    );
    page.click_text("These figures as a table").await;
    page.find(Locator::XPath("//section//td | //details//tbody//td"))
        .await;
    page.click("last week").await;
    page.sees("the disk is on fire").await;
    // From what failed to the jobs that did.
    page.click_on(Locator::XPath(
        "//h2[text()='Failures']/following::a[text()='fail']",
    ))
    .await;
    page.sees("1 job").await;
    let address = page.browser.client().current_url().await.unwrap();
    assert!(address.query().unwrap().contains("task=fail"), "{address}");
    // Those alone, to be retried.
    page.sees("Jobs that failed with").await;
    page.sees(", without a code").await;
    page.click("Retry all…").await;
    page.sees("Retry 1 job that fit the filter?").await;
    page.click_text("Whatever the error").await;
    page.sees("1 job").await;
    let address = page.browser.client().current_url().await.unwrap();
    assert!(
        !address.query().unwrap().contains("error_type"),
        "{address}"
    );
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_jobs_begins_with_its_tasks() {
    let registry = TaskRegistry::builder().task(add).build().unwrap();
    let page = Dashboard::open(Service::builder(info()).with_tasks(registry), "").await;
    page.text("add").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limited_key_sees_how_its_tasks_do() {
    const MATH: &str = "math-0123456789abcdef";
    let keys = ApiKeys::new().key(ApiKey::new("math", MATH).tags(["math"]));
    let page = Dashboard::open(builder().with_auth(keys), "").await;
    page.css("#key").await.send_keys(MATH).await.unwrap();
    page.click("Log in").await;
    page.sees("No job was submitted or has ended in the last hour.")
        .await;
    assert!(!page.body().await.contains("Workers alive"));
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_searched_and_the_search_is_in_the_address() {
    let page = Dashboard::open(builder(), "/jobs").await;
    submit(&page, "add", json!({"a": 1, "b": 1})).await;
    submit(&page, "fail", json!({"reason": "the disk is on fire"})).await;
    page.sees("2 jobs").await;
    let search = page.css("[aria-label='Text in parameters or error']").await;
    let enter = Key::Enter.to_string();
    search.send_keys(&format!("ON FIRE{enter}")).await.unwrap();
    page.sees("1 job").await;
    let address = page.browser.client().current_url().await.unwrap();
    assert!(
        address.query().unwrap().contains("search=ON+FIRE"),
        "{address}"
    );
    page.goto("/jobs?tag=math").await;
    page.sees("1 job").await;
    page.goto("/jobs?before=2020-01-01T00:00").await;
    page.sees("No job fits the filter.").await;
    page.close().await;
}
