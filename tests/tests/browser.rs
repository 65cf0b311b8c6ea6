//! The UI, as a person uses it: opened, expanded, tried out.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use fantoccini::Locator;
use tasks_tests::browser::Browser;
use tasks_tests::process::Server;

const PATIENCE: Duration = Duration::from_secs(30);

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
            .at_most(PATIENCE)
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
            .at_most(PATIENCE)
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
