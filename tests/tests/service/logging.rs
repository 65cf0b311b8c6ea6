//! The log of a service.

use serde_json::{Value, json};
use tasks_tests::http;
use tasks_tests::process::Server;

use super::lifecycle::program;

const KEY: &str = "ops-0123456789abcdef";

/// Asks for this and that, and waits until the last of it is in the log.
async fn log_of(environment: &[(&str, &str)]) -> String {
    let server = Server::start_program(program(), environment.iter().copied()).unwrap();
    let client = http::client().unwrap();
    let login = client
        .post(server.url("/api/v1/tasks/login/$execute"))
        .header("x-request-id", "login-1")
        .header("x-api-key", KEY)
        .json(&json!({"params": {"password": "hunter2"}}));
    login.send().await.unwrap();
    client
        .get(server.url("/panics"))
        .header("x-api-key", KEY)
        .send()
        .await
        .unwrap();
    client
        .get(server.url("/api/v1/tasks?tag=x"))
        .header("x-api-key", "wrong-key")
        .send()
        .await
        .unwrap();
    let last = client
        .get(server.url("/health"))
        .header("x-request-id", "the-last-one");
    last.send().await.unwrap();
    let log = server.stderr_with("the-last-one", 1).unwrap();
    for secret in ["hunter2", KEY, "wrong-key"] {
        assert!(
            !server.output().contains(secret),
            "{secret}: {}",
            server.output()
        );
    }
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_per_request_as_json() {
    let keys = format!("ops:{KEY}");
    let log = log_of(&[
        ("LOG_FORMAT", "json"),
        ("LOG_LEVEL", "info"),
        ("TASKS_API_KEYS", &keys),
    ])
    .await;
    let lines: Vec<Value> = log
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let request = |path: &str| {
        let mut found = lines
            .iter()
            .filter(|line| line["message"] == "request" && line["path"] == path);
        let line = found.next().unwrap_or_else(|| panic!("{path}: {log}"));
        assert!(found.next().is_none(), "{path} is there twice: {log}");
        line
    };
    let login = request("/api/v1/tasks/login/$execute");
    assert_eq!(
        (
            &login["request_id"],
            &login["method"],
            &login["status"],
            &login["level"]
        ),
        (
            &json!("login-1"),
            &json!("POST"),
            &json!(200),
            &json!("INFO")
        )
    );
    assert_eq!(login["route"], "/api/v1/tasks/{name}/$execute");
    assert!(login["duration_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(login["key_name"], "ops");
    let panicked = request("/panics");
    assert_eq!(
        (&panicked["status"], &panicked["level"]),
        (&json!(500), &json!("ERROR"))
    );
    // A query is not in the log: somebody may have put a secret into it.
    assert_eq!(request("/api/v1/tasks")["status"], 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_per_request_for_people() {
    let log = log_of(&[("LOG_LEVEL", "info")]).await;
    let line = log
        .lines()
        .find(|line| line.contains("login-1") && line.contains(" request request_id="))
        .unwrap();
    for part in [
        "INFO",
        "method=\"POST\"",
        "status=200",
        "duration_ms=",
        "request_id=\"login-1\"",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_holds_its_thread_is_named_once_a_minute() {
    let server = Server::start_program(program(), [("LOG_LEVEL", "warn")]).unwrap();
    let compute = async |milliseconds: u64| {
        let body = json!({"params": {"milliseconds": milliseconds}});
        let url = server.url("/api/v1/tasks/compute/$execute");
        let (status, answer) = http::post(&url, &body).await.unwrap();
        assert_eq!(
            (status.as_u16(), &answer["error"]),
            (200, &Value::Null),
            "{answer}"
        );
    };
    compute(1).await;
    compute(150).await;
    compute(150).await;
    // Later than both: what it logs comes after what they log.
    http::get(&server.url("/panics")).await.unwrap();
    let log = server.stderr_with("a handler panicked", 1).unwrap();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("compute"))
        .collect();
    let [line] = lines[..] else {
        panic!("one line is expected: {log}")
    };
    for part in [
        "WARN",
        "`compute`",
        "held its thread for 1",
        "plain `fn`",
        "spawn_blocking",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_level_decides_what_is_written() {
    let warning = Server::start_program(program(), [("LOG_LEVEL", "WARNING")]).unwrap();
    let client = http::client().unwrap();
    client.get(warning.url("/panics")).send().await.unwrap();
    warning.stderr_with("a handler panicked", 1).unwrap();
    let error = Server::start_program(program(), [("LOG_LEVEL", "inof")]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`inof` cannot be what is logged"),
        "{error}"
    );
    let server = Server::start_program(program(), [("LOG_LEVEL", "error")]).unwrap();
    assert_eq!(http::get(&server.url("/health")).await.unwrap().0, 200);
    assert_eq!(server.stderr(), "");
}

/// All that a process writes, as JSON.
fn lines(server: &Server) -> Vec<Value> {
    let all = server.stdout() + &server.stderr();
    all.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The only line with this message, once it is there.
async fn line(server: &Server, message: &str) -> Value {
    let began = std::time::Instant::now();
    loop {
        let lines = lines(server);
        let mut found = lines.iter().filter(|line| line["message"] == message);
        if let Some(line) = found.next() {
            assert!(
                found.next().is_none(),
                "{message} is there twice: {lines:#?}"
            );
            return line.clone();
        }
        assert!(began.elapsed().as_secs() < 20, "{message}: {lines:#?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_is_one_event_and_what_a_task_logs_says_whose_it_is() {
    let environment = [("LOG_FORMAT", "json"), ("JOBS", "1")];
    let server = Server::start_program(program(), environment).unwrap();
    let client = http::client().unwrap();
    let execute = async |id: &str, path: &str, how: &str| {
        let request = client
            .post(server.url(&format!("/api/v1/tasks/{path}")))
            .header("x-request-id", id)
            .json(&json!({"params": {"how": how}}));
        http::answer(request).await.unwrap().1
    };
    execute("r-1", "talk/$execute", "fail").await;
    let word = line(&server, "a word").await;
    assert_eq!(
        (&word["task"], &word["request_id"]),
        (&json!("talk"), &json!("r-1"))
    );
    assert_eq!(word["execution_id"].as_str().unwrap().len(), 26);
    let failed = line(&server, "a task failed").await;
    assert_eq!(
        (&failed["task"], &failed["request_id"], &failed["level"]),
        (&json!("talk"), &json!("r-1"), &json!("WARN"))
    );
    assert!(
        failed["error_location"]
            .as_str()
            .unwrap()
            .contains("service-under-test.rs")
    );
    assert_eq!(failed["error"].as_str().unwrap().len(), 2048);

    execute("r-2", "talk/$execute", "panic").await;
    let panicked = line(&server, "a task panicked").await;
    assert_eq!(
        (
            &panicked["error"],
            &panicked["request_id"],
            &panicked["level"]
        ),
        (&json!("loudly"), &json!("r-2"), &json!("ERROR"))
    );
    assert!(
        panicked["error_location"]
            .as_str()
            .unwrap()
            .contains("service-under-test.rs")
    );

    // Of a handler, too, and once.
    let panics = client
        .get(server.url("/panics"))
        .header("x-request-id", "r-5");
    panics.send().await.unwrap();
    let panicked = line(&server, "a handler panicked").await;
    assert_eq!(
        (&panicked["error"], &panicked["request_id"]),
        (&json!("by request"), &json!("r-5"))
    );
    assert!(
        panicked["error_location"]
            .as_str()
            .unwrap()
            .contains("service-under-test.rs")
    );

    let threaded = client
        .post(server.url("/api/v1/tasks/talk_on_a_thread/$execute"))
        .header("x-request-id", "r-3");
    threaded.send().await.unwrap();
    let word = line(&server, "a word of a thread").await;
    assert_eq!(word["request_id"], "r-3");

    let job = execute("r-4", "talk/$submit", "fail").await;
    let failed = line(&server, "a job failed").await;
    assert_eq!(
        (&failed["job_id"], &failed["task"], &failed["attempt"]),
        (&job["id"], &json!("talk"), &json!(1))
    );
    assert!(
        failed["error_location"]
            .as_str()
            .unwrap()
            .contains("service-under-test.rs")
    );
    assert_eq!(failed["error"].as_str().unwrap().len(), 2048);
    let of_job = lines(&server)
        .into_iter()
        .find(|line| line["message"] == "a word" && line["job_id"] == job["id"]);
    assert_eq!(of_job.unwrap()["attempt"], 1);

    // Each line is JSON, on either stream; and what is an object is one.
    let found = line(&server, "tasks found").await;
    assert!(
        found["crates"]["service_under_test"].as_u64().unwrap() >= 4,
        "{found}"
    );
    let listening = &lines(&server)[0];
    assert!(
        listening["message"]
            .as_str()
            .unwrap()
            .starts_with("Listening on http://127.0.0.1:")
    );
    assert_eq!(listening["address"], server.address().to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_can_ask_who_calls() {
    let keys = format!("ops:{KEY}");
    let server = Server::start_program(program(), [("TASKS_API_KEYS", keys.as_str())]).unwrap();
    let request = || {
        http::client()
            .unwrap()
            .post(server.url("/api/v1/tasks/talk/$execute"))
            .header("x-api-key", KEY)
            .header("x-user", "ada")
            .json(&json!({"params": {"how": "well"}}))
    };
    let (_, answer) = http::answer(request()).await.unwrap();
    assert_eq!(answer["result"], "ops ada");
    // Several lines are one list.
    let (_, answer) = http::answer(request().header("x-user", "grace"))
        .await
        .unwrap();
    assert_eq!(answer["result"], "ops ada, grace");
}

/// At the start, with the nearest tag and without the secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_with_a_tag_that_no_task_has_is_warned_of() {
    let keys = format!("ops[slwo|talk|zzzzzz]:{KEY}");
    let environment = [
        ("TASKS_API_KEYS", keys.as_str()),
        ("LOG_FORMAT", "json"),
        ("LOG_LEVEL", "warn"),
    ];
    let server = Server::start_program(program(), environment).unwrap();
    // The lines of a log may come after the first answer.
    let output = server.stderr_with("no task has", 2).unwrap();
    let warnings: Vec<Value> = output
        .lines()
        .filter(|line| line.contains("no task has"))
        .map(|line| serde_json::from_str(&line[line.find('{').unwrap()..]).unwrap())
        .collect();
    let said = |number: usize| {
        let warning: &Value = &warnings[number];
        (
            warning["key_name"].as_str().unwrap(),
            warning["tag"].as_str().unwrap(),
            warning["message"].as_str().unwrap(),
        )
    };
    let limited = "an API key is limited to a tag that no task has";
    assert_eq!(warnings.len(), 2, "{output}");
    assert_eq!(
        said(0),
        ("ops", "slwo", &*format!("{limited}: did you mean `slow`?"))
    );
    assert_eq!(
        said(1),
        (
            "ops",
            "zzzzzz",
            &*format!("{limited}: the key reaches no task by it")
        )
    );
    assert!(!output.contains(KEY), "{output}");
}
