//! What a service does not understand it refuses: names in a query, and bodies where none is read.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use std::time::Duration;
use tasks_tests::http;

use super::*;

async fn everything() -> Running {
    let service = builder()
        .with_database(Database::sqlite_in_memory())
        .with_artifacts(ArtifactHierarchy::new("results"))
        .with_jobs(Jobs::new().run_workers(false))
        .with_health()
        .with_system()
        .with_monitoring()
        .with_landing_page()
        .build()
        .await
        .unwrap();
    service.startup().await.unwrap();
    Running::service(&service)
}

/// An operation of the document: its method, its path with made-up ids, and what the document says of it.
async fn operations(app: &Running) -> Vec<(Method, String, Value)> {
    let (_, document) = http::get(&app.url("/openapi.json")).await.unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        // Schedules have names, artifacts and jobs ids.
        let path = path
            .replace("{id}", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
            .replace("{name}", "a_name");
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            operations.push((method, path.clone(), operation.clone()));
        }
    }
    assert!(operations.len() > 40, "{}", operations.len());
    operations
}

fn query_parameters(operation: &Value) -> Vec<&Value> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters
        .filter(|parameter| parameter["in"] == "query")
        .collect()
}

/// The status, the pointers of the errors, and the whole answer.
async fn ask(
    app: &Running,
    method: &Method,
    path: &str,
    body: Option<(&str, &str)>,
) -> (u16, Vec<String>, Value) {
    let mut request = http::client()
        .unwrap()
        .request(method.clone(), app.url(path));
    if let Some((media, body)) = body {
        request = request.body(body.to_owned());
        if !media.is_empty() {
            request = request.header(CONTENT_TYPE, media);
        }
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers().get(CONTENT_TYPE);
    // Events go on for ever.
    let goes_on = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let text = if goes_on {
        String::new()
    } else {
        response.text().await.unwrap()
    };
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    let errors = answer["errors"].as_array().into_iter().flatten();
    let pointers = errors.map(|error| error["pointer"].as_str().unwrap().to_owned());
    (status, pointers.collect(), answer)
}

#[tokio::test]
async fn an_unknown_name_in_a_query_is_refused_by_every_operation() {
    let app = everything().await;
    for (method, path, operation) in operations(&app).await {
        let (status, pointers, answer) =
            ask(&app, &method, &format!("{path}?bogus=1&%2Fx"), None).await;
        if path == "/" {
            assert_eq!(status, 200, "a page takes what it is given: {answer}");
            continue;
        }
        assert_eq!(
            (status, pointers.as_slice()),
            (422, ["?bogus".to_owned(), "?/x".to_owned()].as_slice()),
            "{method} {path}: {answer}"
        );
        assert_eq!(answer["type"], "urn:tasks:problem:invalid-query");
        assert!(
            operation["responses"]["422"].is_object(),
            "{method} {path} does not say so"
        );
    }
    // And what the document does not describe: itself.
    let (status, pointers, answer) =
        ask(&app, &Method::GET, "/openapi.json?versin=3.0", None).await;
    assert_eq!((status, pointers), (422, vec!["?versin".to_owned()]));
    assert_eq!(
        answer["errors"][0]["detail"],
        "unknown parameter, did you mean `version`?"
    );
    let (_, _, answer) = ask(&app, &Method::GET, "/api/v1/jobs?staus_filter=failed", None).await;
    let detail = answer["errors"][0]["detail"].as_str().unwrap();
    assert_eq!(detail, "unknown parameter, did you mean `status_filter`?");
    let (_, _, answer) = ask(&app, &Method::GET, "/api/v1/info?pretty", None).await;
    let detail = answer["errors"][0]["detail"].as_str().unwrap();
    assert_eq!(detail, "unknown parameter: nothing is taken here");
    assert_eq!(
        answer["detail"],
        "?pretty: unknown parameter: nothing is taken here"
    );
    // HEAD is GET; pages and their files are for browsers, which add what they like.
    let head = ask(&app, &Method::HEAD, "/health?bogus=1", None).await;
    assert_eq!(head.0, 422);
    for path in ["/?v=1", "/docs?v=1", "/docs/swagger-ui.css?v=1", "/health?"] {
        assert_eq!(ask(&app, &Method::GET, path, None).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn a_parameter_that_is_declared_is_read() {
    let app = everything().await;
    let mut seen = 0;
    for (method, path, operation) in operations(&app).await {
        for parameter in query_parameters(&operation) {
            seen += 1;
            let name = parameter["name"].as_str().unwrap();
            let (status, _, answer) = ask(&app, &method, &format!("{path}?{name}=%00"), None).await;
            assert!(
                !answer.to_string().contains("nothing reads"),
                "{method} {path}: {answer}"
            );
            // Any text is a name, and a name of nothing is one.
            let is_text = parameter["schema"] == json!({"type": "string"}) || name == "tag";
            // What is not there is said first.
            let refused = status == 422 || status == 404 && path.contains("01ARZ");
            assert!(
                refused || is_text,
                "{method} {path}?{name}: {status} {answer}"
            );
        }
    }
    assert!(seen > 15, "{seen}");
}

#[tokio::test]
async fn a_parameter_that_is_given_twice_is_refused_unless_it_is_a_list() {
    let app = everything().await;
    let mut lists = Vec::new();
    for (method, path, operation) in operations(&app).await {
        for parameter in query_parameters(&operation) {
            let name = parameter["name"].as_str().unwrap();
            let (status, pointers, answer) =
                ask(&app, &method, &format!("{path}?{name}=1&{name}=1"), None).await;
            let twice = answer.to_string().contains("given twice");
            if parameter["schema"]["type"] == "array" {
                assert!(!twice, "{method} {path}: {answer}");
                lists.push(name.to_owned());
                continue;
            }
            assert_eq!(
                (status, pointers.as_slice(), twice),
                (422, [format!("?{name}")].as_slice(), true),
                "{method} {path}: {answer}"
            );
        }
    }
    lists.sort();
    assert_eq!(lists, ["tag", "tags"]);
    let twice = "/openapi.json?version=3.0&version=3.1";
    assert_eq!(ask(&app, &Method::GET, twice, None).await.0, 422);
    // Hundreds of names are as many reasons to refuse, and a short answer.
    let many: String = (0..500).map(|number| format!("x{number}&")).collect();
    let (status, pointers, _) = ask(&app, &Method::GET, &format!("/health?{many}"), None).await;
    assert_eq!((status, pointers.len()), (422, 100));
}

/// Stores whatever it is given.
#[task(register = false)]
async fn keep(data: Value, #[task(secret)] password: Option<String>) -> Value {
    let _ = password;
    data
}

#[tokio::test]
async fn arguments_are_what_was_sent_or_refused() {
    let registry = TaskRegistry::builder().task(keep).build().unwrap();
    let service = Service::builder(ServiceInfo::new("keeper", "Keeper"))
        .with_tasks(registry)
        .with_database(Database::sqlite_in_memory())
        .with_jobs(Jobs::new().run_workers(false))
        .build()
        .await
        .unwrap();
    service.startup().await.unwrap();
    let app = Running::service(&service);
    let twice = r#"{"data": {"a": [{"b": 1, "c": 2, "b": 3}]}}"#;
    let masked = r#"{"data": 1, "password": "***"}"#;
    let escaped = r#"{"data": 1, "password": "\u002a**"}"#;
    let all_escaped = r#"{"data": 1, "password": "\u002A\u002a\u002a"}"#;
    let refused = [
        (twice, "/params/data/a/0/b"),
        (masked, "/params/password"),
        (escaped, "/params/password"),
        (all_escaped, "/params/password"),
    ];
    for action in ["$execute", "$submit"] {
        let path = format!("/api/v1/tasks/keep/{action}");
        for (params, place) in refused {
            let body = format!(r#"{{"params": {params}}}"#);
            let body = Some(("application/json", body.as_str()));
            let (status, pointers, answer) = ask(&app, &Method::POST, &path, body).await;
            assert_eq!(
                (status, pointers),
                (422, vec![place.to_owned()]),
                "{answer}"
            );
        }
        // An answer has a hundred errors at most.
        let strays: String = (0..300)
            .map(|number| format!(r#""x{number}": 1, "#))
            .collect();
        let body = format!(r#"{{{strays} "params": {{{strays} "y": 1}}}}"#);
        let body = Some(("application/json", body.as_str()));
        let (status, pointers, answer) = ask(&app, &Method::POST, &path, body).await;
        assert_eq!((status, pointers.len()), (422, 100), "{answer}");
    }
    for (params, place) in refused {
        let body = format!(r#"{{"task_name": "keep", "interval": 60, "params": {params}}}"#);
        let body = Some(("application/json", body.as_str()));
        let path = "/api/v1/schedules/daily";
        let (status, pointers, answer) = ask(&app, &Method::PUT, path, body).await;
        assert_eq!(
            (status, pointers),
            (422, vec![place.to_owned()]),
            "{answer}"
        );
    }
    service.shutdown().await;
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_refused() {
    let app = everything().await;
    let mut seen = Vec::new();
    for (method, path, operation) in operations(&app).await {
        if method == Method::GET || operation.get("requestBody").is_some() {
            continue;
        }
        seen.push(operation["operationId"].as_str().unwrap().to_owned());
        let json = "application/json";
        // Nothing is sent, in all its spellings: there is no such thing, which is the next question.
        for body in [
            None,
            Some((json, "")),
            Some(("text/plain", "")),
            Some((json, "{}")),
            Some((json, " null ")),
        ] {
            let (status, _, answer) = ask(&app, &method, &path, body).await;
            assert_eq!(status, 404, "{method} {path} {body:?}: {answer}");
        }
        let reason = Some((json, r#"{"reason": "no", "a/b": {}}"#));
        let (status, pointers, answer) = ask(&app, &method, &path, reason).await;
        assert_eq!(
            (status, pointers.as_slice()),
            (422, ["/reason".to_owned(), "/a~1b".to_owned()].as_slice()),
            "{method} {path}: {answer}"
        );
        assert_eq!(
            answer["errors"][0]["detail"],
            "unknown member: this takes no body"
        );
        for (media, body, expected) in [
            (json, "[]", 422),
            (json, "7", 422),
            (json, "{", 400),
            (json, "\u{0}", 400),
            ("", "{}", 415),
            ("text/plain", "{}", 415),
            ("application/json; charset=utf-16", "{}", 415),
            ("application/x-www-form-urlencoded", "reason=no", 415),
        ] {
            let (status, _, answer) = ask(&app, &method, &path, Some((media, body))).await;
            assert_eq!(status, expected, "{method} {path} {media} {body}: {answer}");
            let said = &operation["responses"][expected.to_string()];
            assert!(said.is_object(), "{method} {path} does not say {expected}");
        }
        // A page of another site may send a POST without asking, and is not let in by that.
        let request = http::client()
            .unwrap()
            .request(method.clone(), app.url(&path))
            .header("sec-fetch-site", "cross-site");
        let expected = if method == Method::POST { 403 } else { 404 };
        assert_eq!(
            request.send().await.unwrap().status(),
            expected,
            "{method} {path}"
        );
        if method == Method::POST {
            let request = http::client()
                .unwrap()
                .post(app.url(&path))
                .header("origin", "http://evil.example");
            assert_eq!(request.send().await.unwrap().status(), 403, "{path}");
        }
        let large = json!({"x": "y".repeat(1 << 20)}).to_string();
        let (status, _, _) = ask(&app, &method, &path, Some((json, &large))).await;
        assert_eq!(status, 413, "{method} {path}");
        // Of a length that is not announced.
        let chunked = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n9\r\n{{\"a\": 1 }}\r\n0\r\n\r\n"
        );
        let answer = http::raw(app.address(), chunked.as_bytes()).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 422 "), "{method} {path}");
    }
    seen.sort();
    assert_eq!(
        seen,
        [
            "cancel_graph",
            "cancel_job",
            "cancel_operation",
            "delete_artifact",
            "delete_graph",
            "delete_job",
            "delete_schedule",
            "expire_worker",
            "pause_schedule",
            "resume_queue",
            "resume_schedule",
            "resume_task",
            "retry_job",
            "run_schedule",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_asks_for_a_promise_is_heeded_or_refused() {
    let app = everything().await;
    let send = async |method: &Method, path: &str, header: (&str, &str)| {
        let request = http::client()
            .unwrap()
            .request(method.clone(), app.url(path))
            .header(header.0, header.1)
            .header(CONTENT_TYPE, "application/json")
            .body("{}");
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap_or_default();
        (status, answer)
    };
    let (mut posts, mut writes, mut reads) = (0, 0, 0);
    for (method, path, operation) in operations(&app).await {
        if path == "/" {
            continue;
        }
        let (status, answer) = send(&method, &path, ("if-match", "\"x\"")).await;
        let has_answer = operation["responses"]["304"].is_object() && !path.contains("01ARZ");
        if method == Method::GET {
            reads += 1;
            // Of what is not there that is said, one way or the other.
            let refused = [404, 412].contains(&status)
                && (!has_answer || status == 412 || path.contains("a_name"));
            assert!(refused || status == 503, "{path}: {status} {answer}");
            assert!(operation["responses"]["412"].is_object(), "{path}");
            let (status, answer) = send(&method, &path, ("if-none-match", "*")).await;
            assert!([304, 404].contains(&status), "{path}: {status} {answer}");
            continue;
        }
        let parameters = operation["parameters"].as_array().cloned();
        let heeds = |name: &str| {
            let mut parameters = parameters.iter().flatten();
            parameters.any(|it| it["in"] == "header" && it["name"] == name)
        };
        if method == Method::POST && !heeds("Idempotency-Key") {
            posts += 1;
            let (status, answer) = send(&method, &path, ("idempotency-key", "k")).await;
            let seen = (status, &answer["type"]);
            assert_eq!(
                seen,
                (422, &json!("urn:tasks:problem:idempotency-key")),
                "{path}"
            );
        }
        let (refused, problem) = send(&method, &path, ("content-range", "bytes 0-2/10")).await;
        let part = (refused, &problem["type"]);
        assert_eq!(
            part,
            (400, &json!("urn:tasks:problem:partial-body")),
            "{method} {path}"
        );
        for checksum in ["content-digest", "content-md5", "digest", "repr-digest"] {
            let (refused, problem) = send(&method, &path, (checksum, "sha-256=:AA==:")).await;
            assert_eq!(
                (refused, &problem["type"]),
                (400, &json!("urn:tasks:problem:unverified-checksum")),
                "{method} {path} {checksum}"
            );
        }
        if heeds("If-Match") {
            continue;
        }
        writes += 1;
        let seen = (status, &answer["type"]);
        assert_eq!(
            seen,
            (412, &json!("urn:tasks:problem:precondition-failed")),
            "{method} {path}"
        );
        assert!(operation["responses"]["412"].is_object(), "{method} {path}");
        // What a POST is sent to has no representation.
        let (status, _) = send(&method, &path, ("if-match", "*")).await;
        assert_eq!(status == 412, method == Method::POST, "{method} {path}");
        let (status, _) = send(&method, &path, ("if-none-match", "\"x\"")).await;
        assert_ne!(status, 412, "{method} {path}");
        if !heeds("If-None-Match") {
            let (status, answer) = send(&method, &path, ("if-none-match", "*")).await;
            assert_eq!(status, 412, "{method} {path}: {answer}");
        }
    }
    assert!(
        posts > 5 && writes > 9 && reads > 15,
        "{posts}, {writes}, {reads}"
    );
    // Nothing is done before it is refused, and what holds is done.
    let add = "/api/v1/tasks/add/$execute";
    let post = async |name: &'static str, value: &'static str| {
        let request = http::client().unwrap().post(app.url(add));
        let request = request.json(&json!({"params": {"a": 1, "b": 2}}));
        request.header(name, value).send().await.unwrap().status()
    };
    assert_eq!(post("if-match", "\"x\"").await, 412);
    assert_eq!(post("if-none-match", "*").await, 412);
    assert_eq!(post("if-none-match", "\"x\"").await, 200);
    for malformed in ["x", "", "\"x", "*, \"x\"", "\"x\" \"y\""] {
        assert_eq!(post("if-none-match", malformed).await, 400, "{malformed}");
    }
    assert_eq!(post("content-range", "bytes 0-2/10").await, 400);
    // A tag is compared where there is one.
    for path in [
        "/openapi.json",
        "/api/v1/tasks",
        "/api/v1/tasks/add",
        "/api/v1/artifacts",
    ] {
        let client = http::client().unwrap();
        let got = client.get(app.url(path)).send().await.unwrap();
        let tag = got.headers()["etag"].clone();
        for (name, value, expected) in [
            ("if-match", tag.to_str().unwrap(), 200),
            ("if-match", "*", 200),
            ("if-match", "\"x\"", 412),
            ("if-none-match", tag.to_str().unwrap(), 304),
            ("if-none-match", "\"x\"", 200),
        ] {
            let request = client.get(app.url(path)).header(name, value);
            let status = request.send().await.unwrap().status();
            assert_eq!(status, expected, "{path} {name}: {value}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_with_one_value_that_is_there_twice_is_refused() {
    let app = everything().await;
    let ask = async |method: &str, path: &str, headers: &str, body: &str| {
        let length = body.len();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        let answer = http::raw(app.address(), text.as_bytes()).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        (answer[9..12].to_owned(), answer)
    };
    let json = "host: localhost\r\ncontent-type: application/json\r\n";
    let params = r#"{"params": {"a": 1, "b": 2}}"#;
    let execute = "/api/v1/tasks/add/$execute";
    for (headers, expected) in [
        ("", "200"),
        ("content-type: application/json\r\n", "415"),
        ("content-type: text/plain\r\n", "415"),
        (
            "content-encoding: identity\r\ncontent-encoding: gzip\r\n",
            "400",
        ),
        ("host: y\r\n", "400"),
        ("content-length: 28\r\n", "400"),
        ("authorization: a\r\nauthorization: b\r\n", "400"),
        ("idempotency-key: a\r\nidempotency-key: b\r\n", "422"),
        ("accept: text/html\r\naccept: */*\r\n", "200"),
    ] {
        let (status, answer) = ask("POST", execute, &format!("{json}{headers}"), params).await;
        assert_eq!(status, expected, "{headers}: {answer}");
    }
    for twice in [
        "utf-8; charset=latin1",
        "utf-8;charset=utf-8",
        "\"utf-8\"; v=1; CHARSET=utf-8",
    ] {
        let headers =
            format!("host: localhost\r\ncontent-type: application/json; charset={twice}\r\n");
        let (status, answer) = ask("POST", execute, &headers, params).await;
        assert_eq!(status, "415", "{twice}: {answer}");
    }
    for path in [
        "/health",
        "/api/v1/tasks",
        "/api/v1/tasks/add",
        "/api/v1/jobs",
    ] {
        let twice = "host: localhost\r\nrange: bytes=0-1\r\nrange: bytes=2-3\r\n";
        let (status, answer) = ask("GET", path, twice, "").await;
        assert_eq!(status, "400", "{path}: {answer}");
        assert!(
            answer.contains("urn:tasks:problem:repeated-header"),
            "{path}: {answer}"
        );
    }
    let submit = "/api/v1/tasks/add/$submit";
    let twice = format!("{json}idempotency-key: a\r\nidempotency-key: b\r\n");
    let (status, answer) = ask("POST", submit, &twice, params).await;
    assert_eq!(status, "422", "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_is_made_once_however_many_make_it() {
    let app = everything().await;
    let url = app.url("/api/v1/schedules/nightly");
    let body = json!({"task_name": "add", "params": {"a": 1, "b": 2}, "cron": "30 2 * * *"});
    let put = async |header: Option<(&str, &str)>| {
        let mut request = http::client().unwrap().put(&url).json(&body);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let made = futures_util::future::join_all((0..8).map(|_| put(None))).await;
    let created = made.iter().filter(|status| **status == 201).count();
    assert_eq!((created, made.len()), (1, 8), "{made:?}");
    assert!(
        made.iter().all(|status| [200, 201].contains(status)),
        "{made:?}"
    );
    assert_eq!(put(Some(("if-none-match", "*"))).await, 412);
    http::client().unwrap().delete(&url).send().await.unwrap();
    let only_new = (0..8).map(|_| put(Some(("if-none-match", "*"))));
    let mut made = futures_util::future::join_all(only_new).await;
    made.sort_unstable();
    assert_eq!(made, [201, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_that_says_what_does_not_hold_is_refused() {
    let app = everything().await;
    let url = app.url("/api/v1/schedules/hourly");
    let body = |zone: &str| json!({"task_name": "add", "params": {"a": 1, "b": 2}, "interval": 3600, "timezone": zone});
    let put = |zone: &str| http::client().unwrap().put(&url).json(&body(zone));
    let (status, problem) = http::answer(put("Europe/Berlin")).await.unwrap();
    assert_eq!(
        (status.as_u16(), &problem["errors"][0]["pointer"]),
        (422, &json!("/timezone")),
        "{problem}"
    );
    let (status, problem) = http::answer(put("UTC").header("if-match", "*"))
        .await
        .unwrap();
    assert_eq!(status, 412, "{problem}");
    let (status, made) = http::answer(put("UTC")).await.unwrap();
    assert_eq!(status, 201, "{made}");
    let sent_back = http::client().unwrap().put(&url).json(&made);
    let (status, kept) = http::answer(sent_back.header("if-match", "*"))
        .await
        .unwrap();
    assert_eq!(status, 200, "{kept}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_advised_is_there() {
    for (app, advice) in [
        (everything().await, "by `$submit`, which heeds it"),
        (serve(builder()).await, "send it without that header"),
    ] {
        let url = app.url("/api/v1/tasks/add/$execute");
        let request = http::client().unwrap().post(url).json(&json!({}));
        let (status, problem) = http::answer(request.header("idempotency-key", "k"))
            .await
            .unwrap();
        assert_eq!(status, 422, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.ends_with(advice), "{detail}");
    }
}

/// They would be read as they are, or as U+FFFD.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_not_encoded_is_refused() {
    let app = everything().await;
    let get = async |query: &str| {
        let request = http::client()
            .unwrap()
            .get(app.url(&format!("/api/v1/jobs?{query}")));
        request.send().await.unwrap().status().as_u16()
    };
    for query in ["task=%ff", "task=%zz", "task=%", "task=a%4"] {
        assert_eq!(get(query).await, 422, "{query}");
    }
    for query in ["task=%C3%A4", "task=a%25", "task=a+b"] {
        assert_eq!(get(query).await, 200, "{query}");
    }
}

/// What follows such a header is no body that ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_to_websocket_is_refused_at_once() {
    let app = everything().await;
    for (method, path) in [
        ("POST", "/api/v1/artifacts/$upload"),
        ("POST", "/api/v1/tasks/add/$execute"),
        ("POST", "/api/v1/jobs/01JGZ0Q3ZS9M2V8N1CB6D3HV5K/$cancel"),
        ("DELETE", "/api/v1/jobs/01JGZ0Q3ZS9M2V8N1CB6D3HV5K"),
    ] {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: upgrade\r\n\
             Upgrade: WebSocket\r\n\r\n{{}}"
        );
        let answered = http::raw(app.address(), request.as_bytes());
        let answer = tokio::time::timeout(Duration::from_secs(10), answered).await;
        let answer = String::from_utf8(answer.unwrap().unwrap()).unwrap();
        assert!(
            answer.contains("urn:tasks:problem:no-websocket"),
            "{answer}"
        );
    }
    // A proxy that keeps connections has to know that this one is closed.
    let request = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n";
    let answer = http::raw(app.address(), request.as_bytes()).await.unwrap();
    let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    assert!(answer.contains("200 ok\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expectation_that_is_not_met_is_refused() {
    let app = everything().await;
    for (method, path) in [
        ("POST", "/api/v1/tasks/add/$execute"),
        ("POST", "/api/v1/tasks/add/$submit"),
        ("POST", "/api/v1/artifacts/$upload"),
        ("GET", "/api/v1/jobs"),
    ] {
        let ask = async |expected: &str| {
            let body = r#"{"params": {"a": 1, "b": 2}}"#;
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\
                 Expect: {expected}\r\n\r\n{body}",
                body.len()
            );
            let answer = http::raw(app.address(), request.as_bytes()).await.unwrap();
            String::from_utf8(answer).unwrap()
        };
        for unknown in ["200-maybe", "100-continue, x=y", "100-continue;q=1"] {
            let answer = ask(unknown).await;
            assert!(answer.contains("HTTP/1.1 417 "), "{unknown}: {answer}");
            assert!(answer.contains("urn:tasks:problem:expectation-failed"));
        }
        for known in ["100-continue", "100-Continue", ""] {
            let answer = ask(known).await;
            assert!(answer.contains("HTTP/1.1 20"), "{known}: {answer}");
        }
    }
}
