//! Pages of other sites.

use reqwest::Method;
use serde_json::json;
use tasks_tests::http;
use tasks_web::{ApiKey, ApiKeys, Cors};

use super::*;

const SITE: &str = "https://app.example.org";
const KEY: &str = "ops-0123456789abcdef";

async fn preflight(app: &Running, origin: &str) -> reqwest::Response {
    http::client()
        .unwrap()
        .request(Method::OPTIONS, app.url("/api/v1/tasks/add/$execute"))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type, x-api-key")
        .send()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_off_unless_asked_for() {
    let app = serve(builder()).await;
    let response = preflight(&app, SITE).await;
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_that_site_is_let_in_and_needs_a_key() {
    let keys = ApiKeys::new().key(ApiKey::new("ops", KEY));
    let app = serve(builder().with_auth(keys).with_cors(Cors::origins([SITE]))).await;
    // Without a key: a browser sends none with this.
    let allowed = preflight(&app, SITE).await;
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["access-control-allow-origin"], SITE);
    let headers = allowed.headers()["access-control-allow-headers"]
        .to_str()
        .unwrap()
        .to_ascii_lowercase();
    assert!(
        headers.contains("x-api-key") && headers.contains("content-type"),
        "{headers}"
    );
    let other = preflight(&app, "https://evil.example.org").await;
    assert!(!other.headers().contains_key("access-control-allow-origin"));

    let body = json!({"params": {"a": 1, "b": 2}});
    let execute = async |key: &str| {
        http::client()
            .unwrap()
            .post(app.url("/api/v1/tasks/add/$execute"))
            .header("origin", SITE)
            .header("x-api-key", key)
            .json(&body)
            .send()
            .await
            .unwrap()
    };
    let done = execute(KEY).await;
    assert_eq!(done.status(), 200);
    assert_eq!(done.headers()["access-control-allow-origin"], SITE);
    assert_eq!(
        done.headers()["access-control-expose-headers"],
        "x-request-id"
    );
    // The page can read why not.
    let refused = execute("wrong").await;
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["access-control-allow-origin"], SITE);
    assert!(refused.headers().contains_key("x-request-id"));
}
