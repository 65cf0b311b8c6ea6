//! What proxies say, and whose word is taken.

use serde_json::json;
use tasks_tests::http;

use super::*;

async fn location(app: &Running, headers: &[(&str, &str)]) -> String {
    let request = http::client()
        .unwrap()
        .post(app.url("/api/v1/artifacts"))
        .json(&json!({"data": 1}));
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().unwrap();
    let (base, id) = location.rsplit_once('/').unwrap();
    assert_eq!(id.len(), 26, "{location}");
    base.to_owned()
}

const PATH: &str = "/api/v1/artifacts";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_location_is_a_path_unless_a_trusted_proxy_says_more() {
    let artifacts = || builder().with_artifacts(ArtifactHierarchy::new("results"));
    let app = serve(artifacts()).await;
    assert_eq!(location(&app, &[]).await, PATH);
    let lies = [
        ("x-forwarded-proto", "javascript"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "proto=javascript;host=evil.example"),
        ("x-forwarded-prefix", "/evil"),
    ];
    assert_eq!(location(&app, &lies).await, PATH);
    // Not the proxy of these clients.
    let app = serve(artifacts().trusted_proxies(["192.0.2.0/24"])).await;
    assert_eq!(location(&app, &lies).await, PATH);

    let app = serve(artifacts().trusted_proxies(["192.0.2.0/24", "127.0.0.1"])).await;
    let proto = ("x-forwarded-proto", "https");
    let host = ("x-forwarded-host", "api.example.org");
    for (headers, base) in [
        (vec![proto, host], "https://api.example.org"),
        (
            vec![("x-forwarded-proto", "HTTPS"), host],
            "https://api.example.org",
        ),
        (
            vec![proto, host, ("x-forwarded-prefix", "/v/")],
            "https://api.example.org/v",
        ),
        (vec![("x-forwarded-prefix", "/v")], "/v"),
        (vec![("x-forwarded-prefix", "//evil.example")], ""),
        (vec![("x-forwarded-proto", "javascript"), host], ""),
        (vec![proto, ("x-forwarded-host", "a b")], ""),
        (vec![proto, ("x-forwarded-host", "user@evil.example")], ""),
    ] {
        assert_eq!(
            location(&app, &headers).await,
            format!("{base}{PATH}"),
            "{headers:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_says_where_the_service_is_for_clients() {
    let app = serve(builder().trusted_proxies(["127.0.0.1"])).await;
    let ask = async |prefix: &str| {
        let request = http::client()
            .unwrap()
            .get(app.url("/openapi.json"))
            .header("x-forwarded-prefix", prefix);
        http::answer(request).await.unwrap().1
    };
    let document = ask("/reports").await;
    assert_eq!(document["servers"], json!([{"url": "/reports"}]));
    assert!(document["paths"].is_object());
    assert!(ask("//evil.example").await["servers"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_proxy_is_said_at_the_start() {
    let error = builder()
        .trusted_proxies(["localhost", "10.0.0.0/99"])
        .build()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`localhost` cannot be a trusted proxy"),
        "{error}"
    );
    assert!(
        error.contains("`10.0.0.0/99` cannot be a trusted proxy"),
        "{error}"
    );
}
