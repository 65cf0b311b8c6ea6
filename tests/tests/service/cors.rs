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
    // The page can read why not.
    let refused = execute("wrong").await;
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["access-control-allow-origin"], SITE);
    assert!(refused.headers().contains_key("x-request-id"));
}

/// What a browser asks and does for a page that uses all of the protocol.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_protocol_uses_is_allowed_and_may_be_read() {
    let cors = Cors::origins([SITE])
        .header("x-own")
        .expose_header("x-mine");
    let app = serve(
        builder()
            .with_artifacts(ArtifactHierarchy::new("x"))
            .with_cors(cors),
    )
    .await;
    let client = http::client().unwrap();
    let ask = async |headers: &str| {
        let request = client
            .request(Method::OPTIONS, app.url("/api/v1/artifacts"))
            .header("origin", SITE)
            .header("access-control-request-method", "PATCH")
            .header("access-control-request-headers", headers);
        request.send().await.unwrap().status()
    };
    let used = "authorization,content-type,idempotency-key,if-match,if-none-match,last-event-id,mcp-method,mcp-name,mcp-protocol-version,range,x-api-key,x-own,x-request-id";
    assert_eq!(ask(used).await, 200);
    assert_eq!(ask("x-other").await, 400);
    let post = client
        .post(app.url("/api/v1/artifacts"))
        .header("origin", SITE)
        .json(&json!({"data": 1}));
    let answer = post.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let exposed = answer.headers()["access-control-expose-headers"]
        .to_str()
        .unwrap()
        .to_ascii_lowercase();
    let exposed: Vec<&str> = exposed.split(',').map(str::trim).collect();
    for name in [
        "location",
        "link",
        "etag",
        "idempotent-replayed",
        "retry-after",
        "x-request-id",
        "x-mine",
    ] {
        assert!(exposed.contains(&name), "{name}: {exposed:?}");
    }
}

/// Without a body of JSON, which browsers ask before, the origin says whether the page is of this service or let in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_browsers_send_unasked_is_taken_of_sites_that_are_let_in() {
    let site = builder().with_cors(Cors::origins([SITE]));
    let site = serve(site.trusted_proxies(["127.0.0.1"])).await;
    let any = serve(builder().with_cors(Cors::any_origin())).await;
    let none = serve(builder()).await;
    let (cross, evil) = (("sec-fetch-site", "cross-site"), "https://evil.example");
    let proxied = ("x-forwarded-host", "api.example.org");
    for (app, origin, other, is_let_in) in [
        (&site, SITE, None, true),
        (&site, SITE, Some(cross), true),
        (&site, evil, None, false),
        (&site, evil, Some(cross), false),
        (&site, "https://api.example.org", Some(proxied), true),
        (&any, evil, None, true),
        (&any, evil, Some(cross), true),
        (&none, SITE, None, false),
        // Nobody's word is taken for the name of this service.
        (&none, "https://api.example.org", Some(proxied), false),
    ] {
        let mut request = http::client()
            .unwrap()
            .post(app.url("/api/v1/tasks/add/$execute"))
            .header("origin", origin);
        if let Some((name, value)) = other {
            request = request.header(name, value);
        }
        // 422: it lacks parameters.
        let status = request.send().await.unwrap().status();
        let expected = if is_let_in { 422 } else { 403 };
        assert_eq!(status, expected, "{origin} {other:?}");
    }
}
