//! The tasks of `task-execution`, as its users run them. They are the examples of the guide of chapkit that need no database.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::OnceLock;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tasks_tests::http;
use tasks_tests::process::Server;

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let backups = std::env::temp_dir().join(format!("tasks-backups-{}", std::process::id()));
        Server::start("task-execution", [("BACKUP_DIR", backups.as_os_str())]).unwrap()
    })
}

async fn envelope(name: &str, body: Value) -> Value {
    let (status, answer) = http::post(
        &server().url(&format!("/api/v1/tasks/{name}/$execute")),
        &body,
    )
    .await
    .unwrap();
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["task_name"], name);
    answer
}

async fn result(name: &str, params: Value) -> Value {
    let answer = envelope(name, json!({"params": params})).await;
    assert_eq!(answer["error"], Value::Null, "{answer}");
    assert_eq!(answer["params"], params);
    answer["result"].clone()
}

async fn error(name: &str, params: Value) -> Value {
    let answer = envelope(name, json!({"params": params})).await;
    assert_eq!(answer["result"], Value::Null, "{answer}");
    answer["error"].clone()
}

/// It has no keys, and a page of any site can lead its own name to 127.0.0.1.
#[tokio::test]
async fn other_names_than_those_of_this_machine_are_refused() {
    let ask = async |host: &str| {
        let request = http::client().unwrap().get(server().url("/api/v1/tasks"));
        let response = request.header("host", host).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    for own in ["localhost", "localhost:8000", "127.0.0.1", "[::1]:80"] {
        assert_eq!(ask(own).await.0, 200, "{own}");
    }
    let (status, problem) = ask("evil.example:8000").await;
    assert_eq!(status, 421, "{problem}");
    assert!(problem.contains("misdirected-request"), "{problem}");
    assert!(problem.contains("allowed_hosts"), "{problem}");
}

#[tokio::test]
async fn greetings() {
    assert_eq!(
        result("hello", json!({})).await,
        json!({"message": "Hello!"})
    );
    assert_eq!(
        envelope("greet_user", json!({})).await["result"],
        json!({"message": "Hello, World!"})
    );
    assert_eq!(
        result("greet_user", json!({"name": "Bob"})).await,
        json!({"message": "Hello, Bob!"})
    );
    assert_eq!(
        result("greet", json!({})).await,
        json!({"message": "Hello, World!"})
    );
    assert_eq!(
        result("greet", json!({"name": "Alice", "greeting": "Hi"})).await,
        json!({"message": "Hi, Alice!"})
    );
    assert_eq!(
        result("my_task", json!({"param": "quiet"})).await,
        json!({"result": "QUIET"})
    );
}

#[tokio::test]
async fn math() {
    assert_eq!(
        result("add", json!({"a": 5, "b": 3})).await,
        json!({"result": 8})
    );
    assert_eq!(
        result("multiply", json!({"a": 6, "b": 7})).await,
        json!({"result": 42})
    );
    assert_eq!(
        result("multiply_numbers", json!({"a": 6, "b": 7})).await,
        json!({"result": 42})
    );
    assert_eq!(
        result("double_it", json!({"x": 21})).await,
        json!({"doubled": 42})
    );
    assert_eq!(
        error("multiply", json!({"a": i64::MAX, "b": 2})).await["message"],
        "9223372036854775807 * 2 does not fit into 64 bits"
    );
}

#[tokio::test]
async fn extract_transform_load() {
    let extracted = result("extract_data", json!({})).await;
    assert_eq!(extracted, json!({"records": 100}));
    let transformed = result("transform_data", json!({"records": extracted["records"]})).await;
    assert_eq!(transformed, json!({"transformed": true, "records": 100}));
    let loaded = result("load_data", json!({"records": transformed["records"]})).await;
    assert_eq!(loaded, json!({"loaded": 100, "target": "warehouse"}));
}

#[tokio::test]
async fn errors_and_time() {
    assert_eq!(
        result("safe_task", json!({"risky_param": "42"})).await,
        json!({"status": "success", "result": 42})
    );
    let reported = result("safe_task", json!({"risky_param": "x"})).await;
    assert_eq!(
        reported,
        json!({"status": "error", "error": "`x` is not a number: invalid digit found in string"})
    );
    assert_eq!(
        result("quick_task", json!({"data": {"b": 1, "a": [2]}})).await,
        json!({"keys": ["a", "b"]})
    );
    let failed = error("failing_task", json!({})).await;
    for key in ["type", "message", "traceback"] {
        assert!(failed[key].is_string(), "{failed}");
    }
}

#[tokio::test]
async fn commands() {
    let ran = result(
        "run_command",
        json!({"command": "echo hello; echo oops >&2; exit 3"}),
    )
    .await;
    assert_eq!(
        ran,
        json!({
            "command": "echo hello; echo oops >&2; exit 3", "stdout": "hello\n", "stderr": "oops\n", "returncode": 3,
            "timed_out": false, "stdout_truncated": false, "stderr_truncated": false,
        })
    );
    let listed = result("list_files", json!({"directory": "/"})).await;
    assert_eq!(
        (&listed["directory"], &listed["success"]),
        (&json!("/"), &json!(true))
    );
    assert!(
        listed["output"].as_str().unwrap().contains(" tmp\n"),
        "{listed}"
    );
    assert!(
        error("list_files", json!({"directory": "/no/such"})).await["message"]
            .as_str()
            .unwrap()
            .contains("`/no/such`")
    );
}

#[tokio::test]
async fn backups() {
    let scratch = std::env::temp_dir().join(format!("tasks-scratch-{}.db", std::process::id()));
    std::fs::write(&scratch, "SQLite format 3\0 pretending").unwrap();
    let answer = envelope(
        "backup_database",
        json!({"params": {"database_url": format!("sqlite:{}", scratch.display()), "name": "one"}}),
    )
    .await;
    assert_eq!(
        answer["params"],
        json!({"database_url": "***", "name": "one"})
    );
    assert_eq!(
        (&answer["result"]["status"], &answer["result"]["file"]),
        (&json!("success"), &json!("one.dump.gz")),
        "{answer}"
    );
    assert!(answer["result"]["size"].as_u64().unwrap() > 20);

    let with = |name: &str, command: &str| json!({"params": {"database_url": "x://u:p@h", "name": name, "dump_command": command}});
    let dumped = envelope(
        "backup_database",
        with("two", "printf %s \"$DATABASE_URL\" | wc -c"),
    )
    .await;
    assert_eq!(dumped["result"]["status"], "success", "{dumped}");
    let failed = envelope("backup_database", with("three", "echo no >&2; exit 1")).await;
    assert_eq!(
        failed["result"],
        json!({"status": "failed", "step": "dump", "error": "no\n"})
    );
    let refused = error(
        "backup_database",
        json!({"database_url": "sqlite:x", "name": "../up"}),
    )
    .await;
    assert_eq!(
        refused["message"],
        "the name of a backup has only letters, digits, `-` and `_`"
    );
    std::fs::remove_file(scratch).unwrap();
}

#[tokio::test]
async fn tables_and_weather() {
    let table = result("process_csv", json!({"filepath": "seattle-weather.csv"})).await;
    assert_eq!(
        (&table["rows"], table["columns"].as_array().unwrap().len()),
        (&json!(1461), 6)
    );
    assert_eq!(table["summary"]["temp_max"]["max"], 35.6);
    for outside in ["/etc/passwd", "../Cargo.toml", "../../../../etc/passwd"] {
        let refused = error("process_csv", json!({"filepath": outside})).await;
        assert!(
            refused["message"]
                .as_str()
                .unwrap()
                .contains("is not below the data directory"),
            "{refused}"
        );
    }
    let airports = result("process_csv", json!({"filepath": "airports.csv"})).await;
    assert_eq!(airports["rows"], 3376);

    let july = result("weather_summary", json!({"year": 2014, "month": 7})).await;
    assert_eq!(
        (&july["days"], &july["wettest_day"]["date"]),
        (&json!(31), &json!("2014-07-23"))
    );
    let year = result("weather_summary", json!({"year": 2014, "month": null})).await;
    assert_eq!(
        (
            &year["months"].as_array().unwrap().len(),
            &year["wettest_day"]["precipitation"]
        ),
        (&12, &json!(46.7))
    );
    assert!(
        error("weather_summary", json!({"year": 1999})).await["message"]
            .as_str()
            .unwrap()
            .contains("known are 2012, 2013")
    );
}

/// The complete workflow: list, describe, execute.
#[tokio::test]
async fn the_complete_workflow() {
    let (_, tasks) = http::get(&server().url("/api/v1/tasks")).await.unwrap();
    assert!(tasks.as_array().unwrap().len() >= 19, "{tasks}");
    for task in tasks.as_array().unwrap() {
        let name = task["name"].as_str().unwrap();
        let (status, info) = http::get(&server().url(&format!("/api/v1/tasks/{name}")))
            .await
            .unwrap();
        assert_eq!((status, &info), (StatusCode::OK, task));
    }
    assert_eq!(
        envelope("greet_user", json!({"params": {"name": "Alice"}})).await,
        json!({"task_name": "greet_user", "params": {"name": "Alice"}, "result": {"message": "Hello, Alice!"}, "error": null})
    );
}
