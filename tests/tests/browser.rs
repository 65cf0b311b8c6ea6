//! The UI, as a person uses it: opened, expanded, tried out.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use actix_web::HttpResponse;
use fantoccini::Locator;
use serde_json::json;
use tasks_tests::app::Running;
use tasks_tests::browser::Browser;
use tasks_tests::process::Server;
use tasks_web::prelude::*;
use tasks_web::{ApiKey, ApiKeys, Cors};

const TIMEOUT: Duration = Duration::from_secs(30);

/// A browser cannot send a key by itself: the person is asked for it, and the page works.
#[tokio::test]
async fn a_person_enters_a_key_and_runs_a_task() {
    const KEY: &str = "slow-0123456789abcdef";
    let program = Path::new(env!("CARGO_BIN_EXE_service-under-test"));
    let keys = format!("ops:ops-0123456789abcdef,slow[slow]:{KEY}");
    let server = Server::start_program(program, [("TASKS_API_KEYS", keys)]).unwrap();
    let browser = Browser::open().await.unwrap();
    browser.goto(&server.url("/docs")).await.unwrap();
    let page = browser.client();
    let find = |css: &'static str| async move {
        page.wait()
            .at_most(TIMEOUT)
            .for_element(Locator::Css(css))
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"))
    };
    find("#key").await.send_keys("wrong").await.unwrap();
    find("form button").await.click().await.unwrap();
    find("[role=alert]").await;
    find("#key").await.send_keys(KEY).await.unwrap();
    find("form button").await.click().await.unwrap();
    find("#operations-slow-execute_sleep .opblock-summary-control")
        .await
        .click()
        .await
        .unwrap();
    find("#operations-slow-execute_sleep button.execute")
        .await
        .click()
        .await
        .unwrap();
    let answer = find(
        "#operations-slow-execute_sleep .live-responses-table .response-col_description .microlight",
    );
    let answer = answer.await.text().await.unwrap();
    assert!(answer.contains("\"error\": null"), "{answer}");
    assert!(
        page.current_url()
            .await
            .unwrap()
            .path()
            .starts_with("/docs")
    );
    // What the key does not reach is not there.
    let text = page.source().await.unwrap();
    assert!(!text.contains("execute_talk"));
}

#[tokio::test]
async fn a_task_is_executed_from_the_page() {
    let server = Server::start("task-execution", [("RUST_LOG", "warn")]).unwrap();
    let browser = Browser::open().await.unwrap();
    browser.goto(&server.url("/docs")).await.unwrap();
    let page = browser.client();
    let find = |css: &'static str| async move {
        page.wait()
            .at_most(TIMEOUT)
            .for_element(Locator::Css(css))
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"))
    };
    // The operation's id is part of the element's.
    find("#operations-demo-execute_greet_user .opblock-summary-control")
        .await
        .click()
        .await
        .unwrap();
    let description = find("#operations-demo-execute_greet_user .opblock-description")
        .await
        .text()
        .await
        .unwrap();
    assert!(
        description.contains("(name: String = \"World\") -> Greeting"),
        "{description}"
    );
    assert!(
        description.contains("request, optional") && description.contains("Who to greet."),
        "{description}"
    );

    // "Try it out" is on from the start; the request is made of the task's examples.
    let body = find("#operations-demo-execute_greet_user textarea.body-param__text").await;
    let text = body.prop("value").await.unwrap().unwrap();
    assert_eq!(
        text.split_whitespace().collect::<String>(),
        r#"{"params":{"name":"Ada"}}"#
    );
    find("#operations-demo-execute_greet_user button.execute")
        .await
        .click()
        .await
        .unwrap();
    let answer = find("#operations-demo-execute_greet_user .live-responses-table .response-col_description .microlight").await;
    let answer = answer.text().await.unwrap();
    assert!(
        answer.contains("Hello, Ada!") && answer.contains("\"error\": null"),
        "{answer}"
    );

    let requests = browser.requests().await.unwrap();
    assert!(
        requests.iter().any(|url| url.ends_with("/openapi.json")),
        "{requests:?}"
    );
    assert!(
        requests
            .iter()
            .any(|url| url.ends_with("/api/v1/tasks/greet_user/$execute")),
        "{requests:?}"
    );
    assert_eq!(
        browser.external_requests(&server.base_url()).await.unwrap(),
        [""; 0]
    );
}

#[task(register = false)]
async fn count(context: TaskContext, to: u64) -> u64 {
    for n in 0..to {
        context.progress(n, to, "counting");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    to
}

/// Submits a job with a key of its own, follows it as a stream, and reads its result: all that a page of another site needs.
const WHOLE_JOB: &str = r#"
    const [base, key, done] = arguments;
    const headers = {"x-api-key": key, "content-type": "application/json"};
    (async () => {
        const submit = async () => fetch(base + "/api/v1/tasks/count/$submit", {
            method: "POST", headers: {...headers, "idempotency-key": "page-1"}, body: JSON.stringify({params: {to: 5}}),
        });
        const [first, second] = [await submit(), await submit()];
        const location = first.headers.get("location");
        if (second.headers.get("location") !== location) throw new Error("another job");
        if (!first.headers.get("x-request-id")) throw new Error("no request id");
        const stream = await fetch(base + location + "/$stream", {headers: {"x-api-key": key, "last-event-id": "0"}});
        const events = await stream.text();
        const result = await fetch(base + location + "/$result", {headers});
        const list = await fetch(base + "/api/v1/tasks", {headers});
        if (!list.headers.get("etag")) throw new Error("no etag");
        return {status: first.status, events, result: await result.json()};
    })().then(done, error => done({error: String(error)}));
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_does_a_whole_job() {
    const KEY: &str = "page-0123456789abcdef";
    let page = Running::start(|config| {
        let blank = || async { HttpResponse::Ok().content_type("text/html").body("<p>") };
        config.route("/", actix_web::web::get().to(blank));
    });
    let origin = page.url("/").trim_end_matches('/').to_owned();
    let service = Service::builder(ServiceInfo::new("counting", "Counting"))
        .with_tasks(TaskRegistry::builder().task(task(count)).build().unwrap())
        .with_jobs(Jobs::new())
        .with_auth(ApiKeys::new().key(ApiKey::new("page", KEY)))
        .with_cors(Cors::origins([origin]))
        .build()
        .await
        .unwrap();
    service.startup().await.unwrap();
    let app = Running::service(&service);
    let browser = Browser::open().await.unwrap();
    browser.goto(&page.url("/")).await.unwrap();
    let base = app.url("/");
    let arguments = vec![json!(base.trim_end_matches('/')), json!(KEY)];
    let answer = browser
        .client()
        .execute_async(WHOLE_JOB, arguments)
        .await
        .unwrap();
    assert_eq!(answer["status"], 202, "{answer}");
    assert_eq!(answer["result"]["result"], 5, "{answer}");
    let events = answer["events"].as_str().unwrap();
    assert!(events.contains("\"completed\""), "{events}");
    service.shutdown().await;
}
