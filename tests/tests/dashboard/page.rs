//! The page and its files, as HTTP.

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use tasks_tests::app::Running;
use tasks_tests::http;
use tasks_web::Service;

use super::*;

async fn service() -> Service {
    let registry = TaskRegistry::builder().build().unwrap();
    let builder = Service::builder(info())
        .with_tasks(registry)
        .with_dashboard();
    builder.build().await.unwrap()
}

#[tokio::test]
async fn every_view_is_the_page_and_a_file_that_is_not_there_is_not() {
    let app = Running::service(&service().await);
    let client = http::client().unwrap();
    for view in ["", "/", "/jobs/1", "/tasks/a%2Fb%23?x=%3C"] {
        let request = client
            .get(app.url(&format!("/dashboard{view}")))
            .header(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{view}");
        let policy = response.headers()[CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let page = response.text().await.unwrap();
        assert!(page.contains("src=\"/dashboard/assets/index-"), "{page}");
        assert!(!page.contains("<script>") && !page.contains("style="));
    }
    let missing = client.get(app.url("/dashboard/assets/none.js"));
    let response = missing.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    // A program that looks for JSON is not given a page.
    let request = client.get(app.url("/dashboard/jobs"));
    let (status, problem) = http::answer(request.header(ACCEPT, "application/json"))
        .await
        .unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND, "{problem}");
    let (status, _) = http::post(&app.url("/dashboard"), &Value::Null)
        .await
        .unwrap();
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn files_are_kept_by_browsers_and_the_page_is_not() {
    let app = Running::service(&service().await);
    let client = http::client().unwrap();
    let page = client.get(app.url("/dashboard")).send().await.unwrap();
    assert_eq!(page.headers()[CACHE_CONTROL], "no-store");
    let page = page.text().await.unwrap();
    let mut files = page.split('"').filter(|text| text.contains("/assets/"));
    let mut types = Vec::new();
    for file in files.by_ref() {
        let response = client.get(app.url(file)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{file}");
        let kept = response.headers()[CACHE_CONTROL].to_str().unwrap();
        assert!(kept.contains("immutable"), "{kept}");
        types.push(
            response.headers()[CONTENT_TYPE]
                .to_str()
                .unwrap()
                .to_owned(),
        );
    }
    types.sort();
    assert_eq!(
        types,
        [
            "image/svg+xml",
            "text/css; charset=utf-8",
            "text/javascript; charset=utf-8"
        ]
    );
}

#[tokio::test]
async fn the_root_leads_to_it() {
    let app = Running::service(&service().await);
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let response = client.get(app.url("/")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[LOCATION], "/dashboard");
}

#[tokio::test]
async fn a_page_of_the_applications_own_stays_at_the_root() {
    let registry = TaskRegistry::builder().build().unwrap();
    let builder = Service::builder(info())
        .with_tasks(registry)
        .with_dashboard()
        .mount(|config| {
            config.route("/", actix_web::web::get().to(async || "mine"));
        });
    let app = Running::service(&builder.build().await.unwrap());
    let response = http::client()
        .unwrap()
        .get(app.url("/"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "mine");
}

#[tokio::test]
async fn without_keys_it_is_for_this_machine_alone() {
    let builder = || {
        let registry = TaskRegistry::builder().build().unwrap();
        Service::builder(info())
            .with_tasks(registry)
            .with_dashboard()
    };
    let error = builder().bind("0.0.0.0", 0).build().await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("the dashboard would be open to whoever reaches 0.0.0.0:0"),
        "{said}"
    );
    for host in ["127.0.0.1", "localhost", "::1", "[::1]"] {
        builder().bind(host, 0).build().await.unwrap();
    }
    let proxied = builder().trusted_proxies(["127.0.0.1"]);
    let said = proxied.build().await.unwrap_err().to_string();
    assert!(said.contains("a proxy of `trusted_proxies`"), "{said}");
    let open = builder().bind("0.0.0.0", 0).dashboard_without_keys();
    open.build().await.unwrap();
    let keys = ApiKeys::new().key(ApiKey::new("ops", "ops-0123456789abcdef"));
    builder()
        .bind("0.0.0.0", 0)
        .with_auth(keys)
        .build()
        .await
        .unwrap();
}
