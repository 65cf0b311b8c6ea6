//! The page for people.

use tasks_tests::browser::Browser;
use tasks_tests::http;
use tasks_web::HealthChecks;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_what_the_service_is() {
    let info = ServiceInfo::new("a-service", "<Reports> & more")
        .version("2.1.0")
        .description("Runs <b>reports</b>.");
    let app = serve(
        Service::builder(info)
            .with_tasks(registry())
            .with_landing_page()
            .with_system()
            .with_jobs(Jobs::new())
            .with_artifacts(ArtifactHierarchy::new("results"))
            .with_health_checks(HealthChecks::new()),
    )
    .await;
    let response = http::client()
        .unwrap()
        .get(app.url("/"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/html; charset=utf-8"
    );
    assert!(
        response.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let page = response.text().await.unwrap();
    for expected in [
        "&lt;Reports&gt; &amp; more",
        "version 2.1.0",
        "Runs &lt;b&gt;reports",
        "3 tasks",
        "<a href=\"api/v1/tasks?tag=math\">math <span>1</span></a>",
        "href=\"api/v1/schedules\"",
        "href=\"docs\"",
        "href=\"health\"",
        "href=\"api/v1/artifacts\"",
        "href=\"api/v1/system\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }

    // Its links lead somewhere, and it asks nobody else for anything.
    let browser = Browser::open().await.unwrap();
    let origin = app.url("");
    browser.goto(&app.url("/")).await.unwrap();
    let links = browser
        .client()
        .execute(
            "return [...document.links].map(link => link.href)",
            Vec::new(),
        )
        .await
        .unwrap();
    let links = links.as_array().unwrap();
    assert!(links.len() >= 6, "{links:?}");
    for link in links {
        let response = http::client()
            .unwrap()
            .get(link.as_str().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{link}");
    }
    // A phone shows the page of the tasks without pushing it to the side, parameters and all.
    browser.client().set_window_size(380, 800).await.unwrap();
    browser.goto(&app.url("/docs")).await.unwrap();
    let operation = "#operations-math-execute_add .opblock-summary-control";
    let wait = browser
        .client()
        .wait()
        .at_most(std::time::Duration::from_secs(30));
    let found = wait
        .for_element(fantoccini::Locator::Css(operation))
        .await
        .unwrap();
    found.click().await.unwrap();
    let table = "#operations-math-execute_add table";
    let wait = browser
        .client()
        .wait()
        .at_most(std::time::Duration::from_secs(30));
    wait.for_element(fantoccini::Locator::Css(table))
        .await
        .unwrap();
    let inside = format!(
        "const card = document.querySelector('#operations-math-execute_add').getBoundingClientRect(); \
         const table = document.querySelector('{table}').getBoundingClientRect(); \
         return document.title == '<Reports> & more' && table.right <= card.right + 1 \
           && document.documentElement.scrollWidth <= window.innerWidth"
    );
    let fits = browser.client().execute(&inside, Vec::new()).await.unwrap();
    assert_eq!(fits, true);
    // As wide as a phone, it does not have to be pushed to the side.
    browser.client().set_window_size(360, 740).await.unwrap();
    browser.goto(&app.url("/")).await.unwrap();
    let too_wide = "return document.documentElement.scrollWidth > window.innerWidth";
    assert_eq!(
        browser
            .client()
            .execute(too_wide, Vec::new())
            .await
            .unwrap(),
        false
    );
    assert_eq!(
        browser.external_requests(&origin).await.unwrap(),
        Vec::<String>::new()
    );
}
