//! The way in for browsers, which cannot send a header by themselves.

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::json;
use tasks_tests::http;
use tasks_tests::process::Server;
use tasks_web::{ApiKey, ApiKeys};

use super::*;

const OPS: &str = "ops-0123456789abcdef";
const MATH: &str = "math-0123456789abcdef";

async fn service() -> Running {
    let keys = ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("calculator", MATH).tags(["math"]));
    serve(builder().with_auth(keys).with_landing_page()).await
}

/// A client that stays where it is sent elsewhere.
fn client() -> Client {
    let client = Client::builder().no_proxy().redirect(Policy::none());
    client.build().unwrap()
}

fn as_browser(request: RequestBuilder) -> RequestBuilder {
    request.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// A form with a key.
fn with_key(request: RequestBuilder, key: &str) -> RequestBuilder {
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(format!("key={key}"))
}

async fn log_in(base: &str, key: &str, next: &str) -> Response {
    let request = client().post(format!("{base}/$login"));
    let request = as_browser(request)
        .header("origin", base)
        .header("content-type", "application/x-www-form-urlencoded");
    let body = format!("key={key}&next={}", next.replace('/', "%2F"));
    request.body(body).send().await.unwrap()
}

/// What a browser sends back of the cookie.
async fn session(base: &str, key: &str) -> String {
    let answer = log_in(base, key, "").await;
    assert_eq!(answer.status(), 303);
    let cookie = header(&answer, "set-cookie");
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_without_a_key_is_asked_for_one() {
    let app = service().await;
    for path in ["/docs", "/docs/index.html"] {
        let page = as_browser(client().get(app.url(path)))
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), 401, "{path}");
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
        assert_eq!(header(&page, "cache-control"), "no-store");
        assert!(header(&page, "content-security-policy").contains("form-action 'self'"));
        assert!(!header(&page, "x-request-id").is_empty());
        let page = page.text().await.unwrap();
        assert!(page.contains("type=\"password\""), "{page}");
        assert!(page.contains(&format!("value=\"{path}\"")), "{page}");
    }
    // A program is told in its own words, and so is what is no page.
    for (path, accept) in [
        ("/docs", "*/*"),
        ("/openapi.json", "text/html"),
        ("/api/v1/tasks", "text/html"),
    ] {
        let request = client().get(app.url(path)).header("accept", accept);
        let (status, problem) = http::answer(request).await.unwrap();
        assert_eq!(status, 401, "{path}");
        assert_eq!(problem["type"], "urn:tasks:problem:unauthorized", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_what_its_key_is() {
    let app = service().await;
    let base = app.url("");
    let answer = log_in(&base, MATH, "/docs?x=1").await;
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "location")),
        (303, "/docs?x=1")
    );
    let cookie = header(&answer, "set-cookie");
    for part in [
        "; HttpOnly",
        "; SameSite=Strict",
        "; Path=/;",
        "; Max-Age=43200",
    ] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(
        !cookie.contains(MATH) && !cookie.contains("Secure"),
        "{cookie}"
    );
    // Nobody is sent elsewhere.
    let answer = log_in(&base, MATH, "//evil.example/").await;
    assert_eq!(header(&answer, "location"), "/docs");
    // Where the page came by TLS, the cookie goes by TLS alone.
    let host = base.replace("http://", "https://");
    let secure = client()
        .post(format!("{base}/$login"))
        .header("origin", host);
    let secure = with_key(secure, MATH).send().await.unwrap();
    assert!(header(&secure, "set-cookie").ends_with("; Secure"));

    let cookie = session(&base, MATH).await;
    let get = |path: &str| {
        client()
            .get(app.url(path))
            .header("cookie", format!("a=b; {cookie}"))
    };
    assert_eq!(get("/docs").send().await.unwrap().status(), 200);
    let (status, document) = http::answer(get("/openapi.json")).await.unwrap();
    assert_eq!(status, 200);
    assert!(document["paths"]["/api/v1/tasks/add/$execute"].is_object());
    assert!(document["paths"]["/api/v1/tasks/shout/$execute"].is_null());
    let page = get("/$login").send().await.unwrap().text().await.unwrap();
    assert!(
        page.contains("calculator") && page.contains("/$logout"),
        "{page}"
    );

    // It runs what the key reaches, from the service's own pages alone.
    let run = |task: &str, body| {
        let request = client().post(app.url(&format!("/api/v1/tasks/{task}/$execute")));
        request.header("cookie", &cookie).json(&body)
    };
    let add = || run("add", json!({"params": {"a": 1, "b": 2}}));
    let own = http::answer(add().header("sec-fetch-site", "same-origin"))
        .await
        .unwrap();
    assert_eq!((own.0.as_u16(), &own.1["result"]), (200, &json!(3)));
    let own = http::answer(add().header("origin", &base)).await.unwrap();
    assert_eq!(own.0, 200);
    for (name, value) in [
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "http://127.0.0.1:1"),
        ("origin", "null"),
        ("x-nothing", "x"),
    ] {
        let (status, problem) = http::answer(add().header(name, value)).await.unwrap();
        assert_eq!(status, 403, "{name} {value}");
        assert_eq!(problem["type"], "urn:tasks:problem:cross-site-request");
    }
    let shout = run("shout", json!({"params": {"text": "x"}}));
    let (status, _) = http::answer(shout.header("sec-fetch-site", "same-origin"))
        .await
        .unwrap();
    assert_eq!(status, 403);

    let leave = client().post(app.url("/$logout")).header("cookie", &cookie);
    let left = leave.header("origin", &base).send().await.unwrap();
    assert_eq!(
        (left.status().as_u16(), header(&left, "location")),
        (303, "/$login")
    );
    assert!(header(&left, "set-cookie").starts_with("tasks_session=;"));
    assert!(header(&left, "set-cookie").contains("Max-Age=0"));
    // A copy of the cookie is of no use any more; another session of the same key goes on.
    assert_eq!(get("/openapi.json").send().await.unwrap().status(), 401);
    let page = get("/$login").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("type=\"password\""), "{page}");
}

/// Other services of the host, and other paths, may have a cookie of the same name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_is_found_among_several_cookies() {
    let app = service().await;
    let base = app.url("");
    let (one, two) = (session(&base, MATH).await, session(&base, MATH).await);
    assert_ne!(one, two);
    let status = async |cookies: String| {
        let request = client().get(app.url("/openapi.json"));
        let answer = request.header("cookie", cookies).send().await.unwrap();
        answer.status().as_u16()
    };
    let foreign = "tasks_session=17.x";
    assert_eq!(status(format!("{foreign}; {one}")).await, 200);
    assert_eq!(status(format!("{one}; {foreign}; a=b")).await, 200);
    assert_eq!(status(foreign.to_owned()).await, 401);
    let leave = client()
        .post(app.url("/$logout"))
        .header("cookie", format!("{foreign}; {one}"))
        .header("origin", &base);
    assert_eq!(leave.send().await.unwrap().status(), 303);
    assert_eq!(status(format!("{foreign}; {one}")).await, 401);
    assert_eq!(status(format!("{one}; {two}")).await, 200);
    // Not any number of them.
    let many = format!("{foreign}; ").repeat(100);
    assert_eq!(status(format!("{many}{two}")).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_not_guessed_at_the_page() {
    let app = service().await;
    let base = app.url("");
    // Another site lets nobody in.
    let foreign = client()
        .post(app.url("/$login"))
        .header("origin", "https://evil.example");
    let foreign = with_key(foreign, OPS).send().await.unwrap();
    assert_eq!(
        (foreign.status().as_u16(), header(&foreign, "set-cookie")),
        (403, "")
    );
    let mut statuses = Vec::new();
    for _ in 0..11 {
        let answer = log_in(&base, "wrong-0123456789abcdef", "/docs").await;
        assert_eq!(header(&answer, "set-cookie"), "");
        statuses.push(answer.status().as_u16());
        if answer.status() == 429 {
            assert!(!header(&answer, "retry-after").is_empty());
        }
        let page = answer.text().await.unwrap();
        assert!(page.contains("role=\"alert\""), "{page}");
    }
    assert_eq!(statuses, [vec![401; 10], vec![429]].concat());
    // Whoever has a right one is never slowed.
    assert_eq!(log_in(&base, OPS, "").await.status(), 303);
    let program = client().post(app.url("/$login")).header("origin", &base);
    let (status, problem) = http::answer(with_key(program, "x")).await.unwrap();
    assert_eq!(status, 429);
    assert_eq!(problem["type"], "urn:tasks:problem:too-many-attempts");
    let made_up = client()
        .get(app.url("/docs"))
        .header("cookie", "tasks_session=9999999999.00");
    assert_eq!(made_up.send().await.unwrap().status(), 401);
    let refused = client().put(app.url("/$login")).send().await.unwrap();
    assert_eq!(refused.status(), 405);
    assert_eq!(refused.headers()["allow"], "GET, HEAD, POST");
    let head = client().head(app.url("/$login")).send().await.unwrap();
    assert_eq!(head.status(), 200);
}

/// Nothing asks for a key where none is needed, and then there is no page to enter one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_page_where_the_documents_are_open() {
    let app = serve(builder().with_auth(ApiKeys::new().key(ApiKey::new("ops", OPS)))).await;
    let page = as_browser(client().get(app.url("/docs")))
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    let login = log_in(&app.url(""), OPS, "").await;
    assert_eq!(login.status(), 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_with_its_key() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("ops:{OPS}\ncalculator[slow]:{MATH}")).unwrap();
    let server = Server::start_program(lifecycle::program(), [("KEYS_FILE", file.path())]).unwrap();
    let cookie = session(&server.base_url(), MATH).await;
    let docs = || {
        client()
            .get(server.url("/docs"))
            .header("cookie", &cookie)
            .send()
    };
    assert_eq!(docs().await.unwrap().status(), 200);
    std::fs::write(file.path(), format!("ops:{OPS}")).unwrap();
    server.signal(rustix::process::Signal::HUP).unwrap();
    server
        .stderr_with("the API keys were read again", 1)
        .unwrap();
    assert_eq!(docs().await.unwrap().status(), 401);
}
