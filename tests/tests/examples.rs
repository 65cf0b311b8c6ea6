//! The example services, run as their users would, on both databases.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::ffi::OsString;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::process::Server;
use tasks_tests::{http, on_both_databases, schemathesis};

struct Example {
    server: Server,
    // Last: the database is gone after those that use it.
    _test: TestDatabase,
}

impl Example {
    fn start(package: &str, test: TestDatabase) -> Self {
        let environment = [
            ("DATABASE_URL", OsString::from(test.url())),
            (
                "ARTIFACTS_DIR",
                test.folder().join("content").into_os_string(),
            ),
            ("LOG_LEVEL", OsString::from("warn")),
        ];
        Self {
            server: Server::start(package, environment).unwrap(),
            _test: test,
        }
    }

    async fn execute(&self, name: &str, params: Value) -> Value {
        let url = self.server.url(&format!("/api/v1/tasks/{name}/$execute"));
        let (status, answer) = http::post(&url, &json!({"params": params})).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    async fn result(&self, name: &str, params: Value) -> Value {
        let answer = self.execute(name, params).await;
        assert_eq!(answer["error"], Value::Null, "{answer}");
        answer["result"].clone()
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        http::post(&self.server.url(path), &body).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = http::get(&self.server.url(path)).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }
}

async fn the_database_service(test: TestDatabase) {
    let example = Example::start("database-service", test);
    let processed = example.result("process_data", json!({})).await;
    assert_eq!(processed["status"], "processed");
    let url = processed["database_url"].as_str().unwrap();
    assert!(
        url.starts_with("sqlite://") || url.contains(":***@"),
        "{url}"
    );
    let with = example
        .result("with_dependencies", json!({"custom_param": "mine"}))
        .await;
    assert_eq!(
        (&with["alive"], &with["custom_param"]),
        (&json!(true), &json!("mine"))
    );
    let with = example.result("with_dependencies", json!({})).await;
    assert_eq!(with["custom_param"], "default");

    for (id, active) in [("ada", true), ("grace", false)] {
        let params = json!({"user_id": id, "name": id, "active": active});
        assert_eq!(example.result("create_user", params).await["id"], id);
    }
    let again = example
        .execute("create_user", json!({"user_id": "ada", "name": "Ada"}))
        .await;
    assert_eq!(again["error"]["message"], "there is a user `ada` already");
    assert_eq!(
        example.result("count_users", json!({})).await,
        json!({"user_count": 2})
    );
    let active = example.result("count_users", json!({"active": true})).await;
    assert_eq!(active, json!({"user_count": 1}));
    // Of ten at once, none is lost.
    let calls = (0..10).map(|_| example.result("process_user_data", json!({"user_id": "ada"})));
    let counts = futures_util::future::join_all(calls).await;
    let most = counts
        .iter()
        .map(|user| user["times_processed"].as_i64())
        .max();
    assert_eq!(most, Some(Some(10)));
    let unknown = example
        .execute("process_user_data", json!({"user_id": "x"}))
        .await;
    assert_eq!(unknown["error"]["message"], "there is no user `x`");

    let nearest = example
        .result(
            "nearest_airports",
            json!({"latitude": 47.6, "longitude": -122.3, "limit": 3}),
        )
        .await;
    let codes: Vec<&Value> = nearest
        .as_array()
        .unwrap()
        .iter()
        .map(|airport| &airport["iata"])
        .collect();
    assert_eq!(codes, ["BFI", "RNT", "SEA"]);
    let distances: Vec<f64> = nearest
        .as_array()
        .unwrap()
        .iter()
        .map(|airport| airport["distance_km"].as_f64().unwrap())
        .collect();
    assert!(
        distances.is_sorted() && distances[0] > 5.0 && distances[2] < 20.0,
        "{distances:?}"
    );
    // From the middle of the Atlantic, and across the date line.
    for (latitude, longitude) in [(0.0, -30.0), (52.0, 179.9), (90.0, 0.0)] {
        let params = json!({"latitude": latitude, "longitude": longitude, "limit": 1});
        assert_eq!(
            example
                .result("nearest_airports", params)
                .await
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
    let wrong = example
        .execute("nearest_airports", json!({"latitude": 91, "longitude": 0}))
        .await;
    assert_eq!(
        wrong["error"]["message"],
        "the latitude is not from -90 to 90"
    );
    let states = example
        .result("airports_by_state", json!({"at_least": 200}))
        .await;
    assert_eq!(states[0], json!({"state": "AK", "airports": 263}));
    assert_eq!(states[1], json!({"state": "TX", "airports": 209}));
    assert_eq!(
        example.result("airport", json!({"iata": "sea"})).await["city"],
        "Seattle"
    );
    assert_eq!(
        example.result("airport", json!({"iata": "???"})).await,
        Value::Null
    );

    let health = example.get("/health").await;
    assert_eq!(health["checks"]["database"]["state"], "healthy");
}

async fn the_artifact_service(test: TestDatabase) {
    let example = Example::start("artifact-service", test);
    let stored = example
        .result("store_result", json!({"data": {"key": "value"}}))
        .await;
    let artifact = example.get(stored["retrieve_url"].as_str().unwrap()).await;
    assert_eq!(artifact["data"], json!({"key": "value"}));
    assert_eq!(artifact["id"], stored["artifact_id"]);

    let project = example
        .result("create_project", json!({"name": "weather"}))
        .await;
    let project = project["artifact_id"].as_str().unwrap();
    let params = json!({
        "dataset_name": "seattle-weather", "analysis_type": "summary", "project_id": project,
    });
    let result = example.result("store_analysis_results", params).await;
    assert_eq!(result["status"], "stored");
    let result = example.get(result["retrieve_url"].as_str().unwrap()).await;
    assert_eq!(result["level"], 2);
    assert_eq!(result["metadata"]["dataset"], "seattle-weather");
    assert_eq!(result["data"]["rows"], 1461);
    let column = &result["data"]["columns"][2];
    assert_eq!(
        (&column["name"], &column["numbers"]["max"]),
        (&json!("temp_max"), &json!(35.6))
    );
    let tree = example
        .get(&format!("/api/v1/artifacts/{project}/$tree"))
        .await;
    let labels = [
        &tree["level_label"],
        &tree["children"][0]["level_label"],
        &tree["children"][0]["children"][0]["level_label"],
    ];
    assert_eq!(labels, ["project", "dataset", "result"]);

    let long = example.result("long_task", json!({})).await;
    assert_eq!(
        (&long["status"], &long["steps_completed"]),
        (&json!("complete"), &json!(10))
    );
    let run = long["artifact_id"].as_str().unwrap();
    let steps = example.get(&format!("/api/v1/artifacts/{run}/$tree")).await;
    assert_eq!(steps["children"].as_array().unwrap().len(), 10);

    // A file is uploaded, a task processes it, and what it found is downloaded.
    let csv = "city,people\nOslo,709\nBergen,291\n";
    let file = Part::text(csv)
        .file_name("cities.csv")
        .mime_str("text/csv")
        .unwrap();
    let form = Form::new()
        .text("parent_id", project.to_owned())
        .part("file", file);
    let upload = http::client()
        .unwrap()
        .post(example.server.url("/api/v1/artifacts/$upload"))
        .multipart(form);
    let (status, uploaded) = http::answer(upload).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{uploaded}");
    let processed = example
        .result("process_upload", json!({"artifact_id": uploaded["id"]}))
        .await;
    assert_eq!(processed["summary"]["columns"][1]["numbers"]["mean"], 500.0);
    let table = processed["table_id"].as_str().unwrap();
    let download = http::client()
        .unwrap()
        .get(
            example
                .server
                .url(&format!("/api/v1/artifacts/{table}/$download")),
        )
        .send()
        .await
        .unwrap();
    assert_eq!(download.headers()[CONTENT_TYPE], "text/csv");
    assert_eq!(
        download.headers()[CONTENT_DISPOSITION],
        "attachment; filename=\"summary.csv\""
    );
    let expected = "column,empty,count,mean,min,max\ncity,0,0,,,\npeople,0,2,500,291,709\n";
    assert_eq!(download.text().await.unwrap(), expected);
    let missing = example
        .execute(
            "process_upload",
            json!({"artifact_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}),
        )
        .await;
    assert!(
        missing["error"]["message"]
            .as_str()
            .unwrap()
            .contains("there is no artifact")
    );
}

async fn the_advanced_service(test: TestDatabase) {
    let example = Example::start("advanced-service", test);
    let done = async |id: &str| loop {
        let job = example.get(&format!("/api/v1/jobs/{id}")).await;
        match job["status"].as_str().unwrap() {
            "completed" => return job,
            "failed" | "canceled" => panic!("{job}"),
            _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    // A closure, a task of its own, and one whose job names an artifact.
    let closure = example
        .result("spawn_background_job", json!({"processing_time": 0}))
        .await;
    let job = done(closure["job_id"].as_str().unwrap()).await;
    assert_eq!(
        (&job["task_name"], &job["description"]),
        (&Value::Null, &json!("Background processing (0s)"))
    );
    let operation = example
        .result("long_operation", json!({"data": {"n": 1}}))
        .await;
    let id = operation["job_id"].as_str().unwrap();
    assert_eq!(done(id).await["progress"]["message"], "done");
    let outcome = example.get(&format!("/api/v1/jobs/{id}/$result")).await;
    assert_eq!(
        outcome["result"],
        json!({"processed": {"n": 1}, "steps": 10})
    );
    let batch = example.result("long_batch", json!({})).await;
    let job = done(batch["job_id"].as_str().unwrap()).await;
    let artifact = format!("/api/v1/artifacts/{}", job["artifact_id"].as_str().unwrap());
    let results = &example.get(&artifact).await["data"]["results"];
    assert_eq!(results.as_array().unwrap().len(), 100);
    let logs = example
        .get(&format!(
            "{}/$logs",
            batch["check_status"].as_str().unwrap()
        ))
        .await;
    assert_eq!(logs.as_array().unwrap().len(), 10);

    let pipeline = example
        .result("orchestrate_pipeline", json!({"years": [2012, 2013, 2014]}))
        .await;
    let graph = loop {
        let graph = example.get(pipeline["graph"].as_str().unwrap()).await;
        if graph["status"] != "running" {
            break graph;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(graph["status"], "completed", "{graph}");
    for node in &graph["nodes"].as_array().unwrap()[..3] {
        let job = done(node["job_id"].as_str().unwrap()).await;
        assert!(job["artifact_id"].is_string(), "{job}");
    }
    let compare = graph["nodes"][3]["job_id"].as_str().unwrap();
    let rain = example
        .get(&format!("/api/v1/jobs/{compare}/$result"))
        .await;
    let years: Vec<&Value> = rain["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| &of["year"])
        .collect();
    assert_eq!(years, [2014, 2012, 2013], "{rain}");
    let tree = example.get(pipeline["results"].as_str().unwrap()).await;
    assert_eq!(tree["level_label"], "task_run");
    assert_eq!(tree["children"].as_array().unwrap().len(), 3);
    assert_eq!(tree["children"][0]["level_label"], "step");
    // One job for each airport of a state.
    let survey = example
        .result("survey_stations", json!({"state": "RI"}))
        .await;
    let graph = loop {
        let graph = example.get(survey["graph"].as_str().unwrap()).await;
        if graph["status"] != "running" {
            break graph;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(graph["status"], "completed", "{graph}");
    let items = &graph["nodes"][1]["items"];
    assert_eq!(items["total"], items["completed"], "{graph}");
    let path = format!("{}/$items/measure", survey["graph"].as_str().unwrap());
    let measured = example.get(&path).await;
    assert_eq!(measured.as_array().unwrap().len(), 6, "{measured}");
    let loneliest = graph["nodes"][2]["job_id"].as_str().unwrap();
    let loneliest = example
        .get(&format!("/api/v1/jobs/{loneliest}/$result"))
        .await;
    assert_eq!(loneliest["result"]["iata"], "BID", "{loneliest}");
    // A report that an editor has to approve: two jobs of its own, a decision, and one artifact.
    let (_, report) = example
        .post(
            "/api/v1/tasks/publish_report/$submit",
            json!({"params": {"from": 2012, "to": 2013}}),
        )
        .await;
    let report = format!("/api/v1/jobs/{}", report["id"].as_str().unwrap());
    let decision = json!({"approved": true, "editor": "Ada"});
    let (status, wrong) = example
        .post(
            &format!("{report}/$event/decision"),
            json!({"approved": true}),
        )
        .await;
    assert_eq!(status, 422, "{wrong}");
    let (status, _) = example
        .post(&format!("{report}/$event/decision"), decision)
        .await;
    assert_eq!(status, 202);
    let published = done(report.trim_start_matches("/api/v1/jobs/")).await;
    let artifact = format!(
        "/api/v1/artifacts/{}",
        published["artifact_id"].as_str().unwrap()
    );
    let artifact = example.get(&artifact).await;
    assert_eq!(artifact["metadata"], json!({"editor": "Ada"}), "{artifact}");
    let steps = example.get(&format!("{report}/$steps")).await;
    let kinds: Vec<&Value> = steps
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["kind"])
        .collect();
    assert_eq!(
        kinds,
        ["child", "child", "step", "event", "step"],
        "{steps}"
    );
    // A year that is not there: the job is tried again, and gives up in the end.
    let nothing = example
        .execute("orchestrate_pipeline", json!({"years": []}))
        .await;
    assert_eq!(nothing["error"]["message"], "give 1 to 100 years");
    // The tasks of the other crate are here, too.
    assert_eq!(
        example.result("add", json!({"a": 2, "b": 3})).await["result"],
        5
    );
}

/// Killed in the middle of a job, it finishes the job after the next start.
async fn the_advanced_service_survives(test: TestDatabase) {
    use rustix::process::Signal;
    let environment = [
        ("DATABASE_URL", OsString::from(test.url())),
        (
            "ARTIFACTS_DIR",
            test.folder().join("content").into_os_string(),
        ),
        ("LOG_LEVEL", OsString::from("error")),
    ];
    let start = || Server::start("advanced-service", environment.clone()).unwrap();
    let mut server = start();
    let url = server.url("/api/v1/tasks/slow_processing/$submit");
    let body = json!({"params": {"data": [1, 2], "steps": 10}});
    let (status, job) = http::post(&url, &body).await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    while http::get(&server.url(&path)).await.unwrap().1["status"] != "running" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.signal(Signal::KILL).unwrap();
    server.wait(std::time::Duration::from_secs(10)).unwrap();
    let server = start();
    loop {
        let (_, job) = http::get(&server.url(&path)).await.unwrap();
        if job["status"] == "completed" {
            // The crash has spent none.
            assert_eq!(job["attempt"], 1);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// One process accepts jobs, and others do them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_elsewhere_do_what_the_service_accepts() {
    let test = TestDatabase::postgres();
    let content = test.folder().join("content").into_os_string();
    let environment = [
        ("DATABASE_URL", OsString::from(test.url())),
        ("ARTIFACTS_DIR", content.clone()),
        ("WORKERS", OsString::from("off")),
    ];
    let server = Server::start("advanced-service", environment).unwrap();
    let submit = server.url("/api/v1/tasks/batch_work/$submit");
    let (_, job) = http::post(&submit, &json!({"params": {"total": 20}}))
        .await
        .unwrap();
    let url = server.url(&format!("/api/v1/jobs/{}", job["id"].as_str().unwrap()));
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    // Nobody is there to do it.
    assert_eq!(http::get(&url).await.unwrap().1["status"], "pending");
    let program = tasks_tests::process::program("job-worker").unwrap();
    let start = || {
        std::process::Command::new(&program)
            .env("DATABASE_URL", test.url())
            .env("ARTIFACTS_DIR", &content)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut workers = [start(), start()];
    let artifact = loop {
        let (_, job) = http::get(&url).await.unwrap();
        if job["status"] == "completed" {
            break job["artifact_id"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let (status, _) = http::get(&server.url(&format!("/api/v1/artifacts/{artifact}")))
        .await
        .unwrap();
    assert_eq!(status, StatusCode::OK);
    for worker in &mut workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
}

/// No 5xx, no status that the document does not have, nothing that is not as it says.
async fn what_the_documents_say_holds(test: TestDatabase) {
    // The advanced service has what the others have: on the second database it alone is asked.
    let test = if test.is_postgres() {
        test
    } else {
        let example = Example::start("artifact-service", test);
        schemathesis::check(&example.server.base_url(), "default", &[])
            .await
            .unwrap();
        drop(example);
        let example = Example::start("database-service", TestDatabase::sqlite());
        schemathesis::check(&example.server.base_url(), "default", &[])
            .await
            .unwrap();
        TestDatabase::sqlite()
    };
    let example = Example::start("advanced-service", test);
    schemathesis::check(&example.server.base_url(), "advanced-service", &[])
        .await
        .unwrap();
}

on_both_databases!(
    the_database_service,
    the_artifact_service,
    the_advanced_service,
    the_advanced_service_survives,
    what_the_documents_say_holds
);
