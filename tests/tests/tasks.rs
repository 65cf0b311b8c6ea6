//! The tasks part of the HTTP contract, row by row, against the started example.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tasks_tests::http;
use tasks_tests::process::Server;

/// One server for all tests of this process.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("task-execution", [("RUST_LOG", "warn")]).unwrap())
}

fn url(path: &str) -> String {
    server().url(&format!("/api/v1/tasks{path}"))
}

async fn execute(name: &str, params: Value) -> Value {
    let (status, body) = http::post(
        &url(&format!("/{name}/$execute")),
        &json!({"params": params}),
    )
    .await
    .unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// Sends a body as it is; the status, the content type and the JSON of the answer.
async fn send(
    path: &str,
    content_type: Option<&str>,
    body: impl Into<reqwest::Body>,
) -> (u16, String, Value) {
    let mut request = http::client().unwrap().post(url(path)).body(body);
    if let Some(content_type) = content_type {
        request = request.header(CONTENT_TYPE, content_type);
    }
    let response = request.send().await.unwrap();
    let content_type = response.headers()[CONTENT_TYPE]
        .to_str()
        .unwrap()
        .to_owned();
    (
        response.status().as_u16(),
        content_type,
        response.json().await.unwrap(),
    )
}

const JSON: Option<&str> = Some("application/json");

/// Checks what all problems have in common, and gives the problem.
async fn problem(
    status: u16,
    path: &str,
    content_type: Option<&str>,
    body: impl Into<reqwest::Body>,
) -> Value {
    let (got, kind, problem) = send(path, content_type, body).await;
    assert_eq!(
        (got, kind.as_str()),
        (status, "application/problem+json"),
        "{problem}"
    );
    assert_eq!(problem["status"], status);
    assert_eq!(problem["instance"], format!("/api/v1/tasks{path}"));
    for key in ["type", "title", "detail"] {
        assert!(
            problem[key].as_str().is_some_and(|text| !text.is_empty()),
            "{problem}"
        );
    }
    problem
}

#[tokio::test]
async fn the_list_is_sorted_filtered_and_cached() {
    let (status, list) = http::get(&url("")).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    let names = |list: &Value| -> Vec<String> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|task| task["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut sorted = names(&list);
    sorted.sort();
    assert_eq!(names(&list), sorted);
    assert!(sorted.contains(&"greet_user".to_owned()) && sorted.contains(&"double_it".to_owned()));
    assert!(!sorted.contains(&"another_task".to_owned()));

    let (_, etl) = http::get(&url("?tag=data&tag=etl")).await.unwrap();
    assert_eq!(names(&etl), ["extract_data", "load_data", "transform_data"]);
    let (_, load) = http::get(&url("?tag=etl&tag=lo%61d")).await.unwrap();
    assert_eq!(names(&load), ["load_data"]);
    let (_, none) = http::get(&url("?tag=etl&tag=demo")).await.unwrap();
    assert_eq!(none, json!([]));

    let client = http::client().unwrap();
    for path in ["", "?tag=etl", "/greet_user"] {
        let first = client.get(url(path)).send().await.unwrap();
        let etag = first.headers()[ETAG].clone();
        assert_eq!(first.headers()[CACHE_CONTROL], "no-cache");
        let again = client
            .get(url(path))
            .header(IF_NONE_MATCH, &etag)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (again.status(), &again.headers()[ETAG]),
            (StatusCode::NOT_MODIFIED, &etag)
        );
        assert!(again.bytes().await.unwrap().is_empty());
        let other = client
            .get(url(path))
            .header(IF_NONE_MATCH, "\"other\"")
            .send()
            .await
            .unwrap();
        assert_eq!(other.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn the_info_is_all_there_is_to_know() {
    let (status, info) = http::get(&url("/greet_user")).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    let text = http::client()
        .unwrap()
        .get(url("/greet_user"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.starts_with(r#"{"name":"greet_user","docstring":"Simple task that returns a greeting.","signature":"(name: String = \"World\") -> Greeting","parameters":[{"name":"name","annotation":"String","default":"\"World\"","required":false,"injected":false,"description":"Who to greet."}],"tags":["demo","simple"],"input_schema":{"#), "{text}");
    assert_eq!(
        info["input_schema"]["properties"]["name"]["default"],
        "World"
    );
    assert_eq!(info["output_schema"]["$ref"], "#/$defs/Greeting");
    let (_, csv) = http::get(&url("/process_csv")).await.unwrap();
    assert_eq!(csv["parameters"][0]["injected"], true);
    assert_eq!(csv["parameters"][0]["required"], false);
    assert_eq!(
        csv["signature"],
        "(data: DataDir, filepath: &str) -> Result<TableSummary, TaskError>"
    );
}

#[tokio::test]
async fn an_execution_is_answered_by_the_envelope() {
    let (status, kind, _) = send(
        "/greet_user/$execute",
        JSON,
        r#"{"params": {"name": "Ada"}}"#,
    )
    .await;
    assert_eq!((status, kind.as_str()), (200, "application/json"));
    let client = http::client().unwrap();
    let body = r#"{"params": {"name" : "Åda 👋 \u0041\n"}}"#;
    let request = client
        .post(url("/greet_user/%24execute"))
        .header(CONTENT_TYPE, "application/vnd.x+json")
        .body(body);
    assert_eq!(
        request.send().await.unwrap().text().await.unwrap(),
        r#"{"task_name":"greet_user","params":{"name" : "Åda 👋 \u0041\n"},"result":{"message":"Hello, Åda 👋 A\n!"},"error":null}"#
    );
}

#[tokio::test]
async fn no_parameters_in_all_spellings() {
    let client = http::client().unwrap();
    let expected = r#"{"task_name":"greet_user","params":{},"result":{"message":"Hello, World!"},"error":null}"#;
    // Without a body there is nothing to have a type.
    for content_type in [None, Some("text/plain"), JSON] {
        let mut request = client.post(url("/greet_user/$execute"));
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        assert_eq!(
            request.send().await.unwrap().text().await.unwrap(),
            expected
        );
    }
    for body in ["null", "{}", r#"{"params":null}"#, r#"{"params":{}}"#] {
        let request = client
            .post(url("/greet_user/$execute"))
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        assert_eq!(
            request.send().await.unwrap().text().await.unwrap(),
            expected,
            "{body}"
        );
    }
}

/// A body that holds something else would run with defaults.
#[tokio::test]
async fn a_body_without_params_is_not_taken_for_one_without_parameters() {
    for (body, pointers) in [
        (json!({"name": "Ada"}), vec!["/name"]),
        (json!({"parms": {"name": "Ada"}}), vec!["/parms"]),
        (
            json!({"params": {"nme": "Ada"}, "a/b": 1}),
            vec!["/a~1b", "/params/nme"],
        ),
    ] {
        let (status, problem) = http::post(&url("/greet_user/$execute"), &body)
            .await
            .unwrap();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        let errors = problem["errors"].as_array().unwrap();
        let named: Vec<&str> = errors
            .iter()
            .map(|error| error["pointer"].as_str().unwrap())
            .collect();
        assert_eq!(named, pointers, "{problem}");
        let said = errors[0]["detail"].as_str().unwrap();
        assert!(said.contains("did you mean `params`"), "{said}");
    }
}

#[tokio::test]
async fn what_a_task_returns_as_an_error_is_in_the_envelope() {
    let failing = execute("failing_task", json!({})).await;
    assert_eq!(
        (
            &failing["task_name"],
            &failing["params"],
            &failing["result"]
        ),
        (&json!("failing_task"), &json!({}), &Value::Null)
    );
    assert_eq!(
        failing["error"]["type"],
        "tasks_runtime::task::error::TaskError"
    );
    assert_eq!(failing["error"]["message"], "Something went wrong");
    assert!(
        failing["error"]["traceback"]
            .as_str()
            .unwrap()
            .contains("src/tasks/production.rs:")
    );
    let overflow = execute("add", json!({"a": i64::MAX, "b": 1})).await;
    assert_eq!(
        overflow["error"]["type"],
        "task_execution::tasks::math::Overflow"
    );
    assert_eq!(overflow["error"]["code"], "overflow");
    assert_eq!(overflow["params"], json!({"a": i64::MAX, "b": 1}));
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_next_task_runs() {
    for _ in 0..20 {
        let panicked = execute("panicking_task", json!({"message": "boo"})).await;
        assert_eq!(
            (&panicked["error"]["type"], &panicked["error"]["message"]),
            (&json!("panic"), &json!("boo"))
        );
        assert_eq!(
            execute("add", json!({"a": 1, "b": 2})).await["result"]["result"],
            3
        );
    }
}

#[tokio::test]
async fn a_task_that_takes_too_long_is_an_error() {
    let began = Instant::now();
    let slow = execute("slow_task", json!({"milliseconds": 60_000})).await;
    assert_eq!(slow["error"]["type"], "timeout");
    assert_eq!(
        slow["error"]["message"],
        "task `slow_task` ran longer than its timeout of 1s"
    );
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(
        execute("slow_task", json!({"milliseconds": 1})).await["result"],
        1
    );
}

#[tokio::test]
async fn malformed_bodies_are_400() {
    for body in [
        &b"{"[..],
        b"{\"params\": {\"name\": \"\xff\"}}",
        b"{'params': {}}",
        b"{\"params\": {}} {}",
        b"\x00",
        b"   ",
    ] {
        let problem = problem(400, "/greet_user/$execute", JSON, body.to_vec()).await;
        assert_eq!(problem["type"], "urn:tasks:problem:malformed-json");
    }
}

#[tokio::test]
async fn unknown_tasks_are_404_with_the_nearest_names() {
    let unknown = problem(404, "/greet_usr/$execute", JSON, "not even JSON").await;
    assert_eq!(unknown["type"], "urn:tasks:problem:unknown-task");
    assert_eq!(unknown["nearest"][0], "greet_user");
    assert!(unknown["detail"].as_str().unwrap().contains("registered"));
    let (status, info) = http::get(&url("/greet_usr")).await.unwrap();
    assert_eq!(
        (status, &info["nearest"][0]),
        (StatusCode::NOT_FOUND, &json!("greet_user"))
    );
    for path in [
        "/a/b",
        "/greet_user/$nothing",
        "/greet_user/$execute/x",
        "//",
    ] {
        let (status, body) = http::get(&url(path)).await.unwrap();
        assert_eq!(
            (status, &body["status"]),
            (StatusCode::NOT_FOUND, &json!(404)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn other_methods_are_405_with_allow() {
    let client = http::client().unwrap();
    let cases = [
        (Method::POST, "", "GET, HEAD"),
        (Method::DELETE, "/greet_user", "GET, HEAD"),
        (Method::GET, "/greet_user/$execute", "POST"),
        (Method::PUT, "/greet_user/$execute", "POST"),
        (Method::OPTIONS, "/greet_user/$execute", "POST"),
    ];
    for (method, path, allow) in cases {
        let response = client
            .request(method.clone(), url(path))
            .send()
            .await
            .unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()[ALLOW]),
            (405, &allow.parse().unwrap()),
            "{method} {path}"
        );
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }
    let head = client.head(url("/greet_user")).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
}

#[tokio::test]
async fn large_bodies_are_413_and_smaller_ones_are_not() {
    let body = |bytes: usize| json!({"params": {"data": {"x": "y".repeat(bytes)}}}).to_string();
    let (status, _, answer) = send("/quick_task/$execute", JSON, body(1_000_000)).await;
    assert_eq!((status, &answer["result"]["keys"]), (200, &json!(["x"])));
    let refused = problem(413, "/quick_task/$execute", JSON, body(3_000_000)).await;
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("2097152 bytes")
    );

    // In pieces, so that no header says how large it will be.
    let pieces = (0..3_000).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1000]));
    let chunked = http::client()
        .unwrap()
        .post(url("/quick_task/$execute"))
        .header(CONTENT_TYPE, "application/json");
    let response = chunked
        .body(reqwest::Body::wrap_stream(futures_util::stream::iter(
            pieces,
        )))
        .send()
        .await;
    // The server may close the connection before it was sent to the end.
    if let Ok(response) = response {
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert_eq!(
        execute("add", json!({"a": 1, "b": 2})).await["result"]["result"],
        3
    );
}

#[tokio::test]
async fn other_content_types_are_415() {
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonp"),
        Some("json"),
    ] {
        let refused = problem(
            415,
            "/greet_user/$execute",
            content_type,
            r#"{"params":{}}"#,
        )
        .await;
        assert!(
            refused["detail"]
                .as_str()
                .unwrap()
                .contains("Content-Type: application/json"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn bad_arguments_are_422_all_at_once() {
    let body = r#"{"params": {"a": "x", "b": 1.5, "c": 1}}"#;
    let refused = problem(422, "/add/$execute", JSON, body).await;
    assert_eq!(refused["type"], "urn:tasks:problem:invalid-arguments");
    assert_eq!(
        refused["errors"],
        json!([
            {"pointer": "/params/a", "code": "type", "detail": "invalid type: string \"x\", expected i64"},
            {"pointer": "/params/b", "code": "type", "detail": "invalid type: floating point `1.5`, expected i64"},
            {"pointer": "/params/c", "code": "unknown", "detail": "unknown parameter, expected one of `a`, `b`"},
        ])
    );
    let missing = problem(422, "/add/$execute", None, "").await;
    assert_eq!(missing["errors"][0]["pointer"], "/params/a");
    assert_eq!(missing["errors"][1]["pointer"], "/params/b");
    let injected = problem(
        422,
        "/process_csv/$execute",
        JSON,
        r#"{"params":{"data":"/etc","filepath":"x"}}"#,
    )
    .await;
    assert_eq!(
        injected["errors"][0]["detail"],
        "provided by the server and cannot be set"
    );
    for (body, pointer) in [
        ("[]", ""),
        ("\"x\"", ""),
        (r#"{"params":[]}"#, "/params"),
        (r#"{"params":{"a":1,"a":2,"b":3}}"#, "/params/a"),
    ] {
        assert_eq!(
            problem(422, "/add/$execute", JSON, body).await["errors"][0]["pointer"],
            pointer,
            "{body}"
        );
    }
    let (status, query) = http::get(&url("?tag=%ff")).await.unwrap();
    assert!(
        status == StatusCode::OK || status == StatusCode::UNPROCESSABLE_ENTITY,
        "{query}"
    );
}

#[tokio::test]
async fn secrets_do_not_come_back() {
    let params = json!({"database_url": "postgres://me:hunter2@db/app", "dump_command": "echo \"$DATABASE_URL\" >&2; false"});
    let answer = execute("backup_database", params).await;
    assert_eq!(answer["params"]["database_url"], "***");
    assert_eq!(
        answer["result"],
        json!({"status": "failed", "step": "dump", "error": "***\n"})
    );
    let refused = problem(
        422,
        "/backup_database/$execute",
        JSON,
        r#"{"params":{"database_url":["hunter2"]}}"#,
    )
    .await;
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
    assert!(!server().output().contains("hunter2"));
}

#[tokio::test]
async fn five_hundred_at_once() {
    let client = http::client().unwrap();
    let calls = (0..500_u64).map(|number| {
        let (path, params, expected) = match number % 3 {
            0 => (
                "/add/$execute",
                json!({"a": number, "b": 1}),
                json!({"result": number + 1}),
            ),
            1 => (
                "/multiply/$execute",
                json!({"a": number, "b": 2}),
                json!({"result": number * 2}),
            ),
            _ => (
                "/slow_task/$execute",
                json!({"milliseconds": 50}),
                json!(50),
            ),
        };
        let request = client.post(url(path)).json(&json!({"params": params}));
        async move {
            let (status, answer) = http::answer(request).await.unwrap();
            assert_eq!(
                (status, &answer["result"]),
                (StatusCode::OK, &expected),
                "{answer}"
            );
        }
    });
    futures_util::future::join_all(calls).await;
}

/// Whether a process with this command line runs.
fn runs(words: &str) -> bool {
    let wanted = format!("{}\0", words.replace(' ', "\0"));
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.into_iter().any(|process| {
        std::fs::read(process.path().join("cmdline")).is_ok_and(|line| line == wanted.as_bytes())
    })
}

async fn until(expected: bool, words: &str) -> bool {
    for _ in 0..250 {
        if runs(words) == expected {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels() {
    let body = json!({"params": {"command": "sleep 6543.21"}}).to_string();
    let request = format!(
        "POST /api/v1/tasks/run_command/$execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(server().address())
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    assert!(until(true, "sleep 6543.21").await);
    drop(stream);
    assert!(until(false, "sleep 6543.21").await);
}

#[tokio::test]
async fn half_a_request_does_no_harm() {
    let head = "POST /api/v1/tasks/add/$execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    for rest in [
        "content-length: 100\r\n\r\n{\"par",
        "transfer-encoding: chunked\r\n\r\nzz\r\n",
        "content-length: nonsense\r\n\r\n{}",
        "",
    ] {
        http::hang_up(server().address(), format!("{head}{rest}").as_bytes())
            .await
            .unwrap();
        let answer = http::raw(
            server().address(),
            format!("{head}connection: close\r\n{rest}").as_bytes(),
        )
        .await
        .unwrap();
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(
        execute("add", json!({"a": 1, "b": 2})).await["result"]["result"],
        3
    );
}

#[tokio::test]
async fn one_slash_at_the_end_changes_nothing() {
    for path in ["/", "/greet_user/"] {
        assert_eq!(
            http::get(&url(path)).await.unwrap().0,
            StatusCode::OK,
            "{path}"
        );
    }
    let (status, answer) = http::post(&url("/hello/$execute/"), &json!({}))
        .await
        .unwrap();
    assert_eq!(
        (status, &answer["result"]["message"]),
        (StatusCode::OK, &json!("Hello!"))
    );
}
