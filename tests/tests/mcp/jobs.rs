//! Calls that are jobs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_tests::process::Server;
use tasks_web::ApiKeys;
use tasks_web::mcp::Mcp;

use super::world::{Client, World, builder, events, text};

/// Asks for a task until it is as wanted.
async fn until(client: &Client, id: &str, wanted: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = client.send("tasks/get", json!({"taskId": id})).await;
        let task = answer.result().clone();
        if task["status"] == wanted {
            return task;
        }
        assert!(Instant::now() < deadline, "{task}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_the_extension_gets_a_task() {
    let world = World::new().await;
    let client = world.client().with_tasks();
    let created = client
        .call("background", json!({"milliseconds": 300}))
        .await;
    assert_eq!(
        (&created["resultType"], &created["status"]),
        (&json!("task"), &json!("working"))
    );
    let id = created["taskId"].as_str().unwrap();
    assert!(created["ttlMs"].as_u64().unwrap() >= 7 * 24 * 3600 * 1000);
    for absent in ["result", "error", "inputRequests", "task"] {
        assert_eq!(created.get(absent), None, "{created}");
    }
    let done = until(&client, id, "completed").await;
    assert_eq!(done["resultType"], "complete");
    assert_eq!(done["result"]["structuredContent"]["name"], "background");
    assert_eq!(done["result"]["isError"], false);
    // It is the job of that id.
    let jobs = world.service.scheduler().unwrap();
    assert!(jobs.get(id.parse().unwrap()).await.unwrap().is_some());

    // A failed job is a completed call that is an error.
    let created = client
        .call("background", json!({"milliseconds": 1, "fails": true}))
        .await;
    let failed = until(&client, created["taskId"].as_str().unwrap(), "completed").await;
    assert_eq!(failed["result"]["isError"], true);
    assert!(
        text(&failed["result"]).contains("it was to fail"),
        "{failed}"
    );

    let created = client
        .call("background", json!({"milliseconds": 60_000}))
        .await;
    let id = created["taskId"].as_str().unwrap();
    let ack = client.send("tasks/cancel", json!({"taskId": id})).await;
    let ack = ack.result().as_object().unwrap().clone();
    assert_eq!(ack.keys().collect::<Vec<_>>(), ["resultType", "_meta"]);
    until(&client, id, "cancelled").await;
    // Again, and of one that is over.
    assert_eq!(
        client
            .send("tasks/cancel", json!({"taskId": id}))
            .await
            .status,
        200
    );

    // Wrong arguments are no task.
    let result = client
        .call("background", json!({"milliseconds": "soon"}))
        .await;
    assert_eq!(
        (&result["resultType"], &result["isError"]),
        (&json!("complete"), &json!(true))
    );

    let answer = client.send("tasks/get", json!({"taskId": "no-task"})).await;
    assert_eq!(answer.error().1, -32602);
    let answer = world
        .client()
        .send("tasks/get", json!({"taskId": id}))
        .await;
    assert_eq!((answer.error().0, answer.error().1), (400, -32021));
    assert_eq!(
        answer.json["error"]["data"]["requiredCapabilities"]["extensions"],
        json!({"io.modelcontextprotocol/tasks": {}})
    );
}

/// By the times that hosts have: a job that is not done in 10 seconds is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_clients_get_the_result_or_the_id_of_the_job() {
    let world = World::new().await;
    for client in [world.client(), world.client().version("2025-06-18")] {
        let result = client.call("background", json!({"milliseconds": 50})).await;
        assert_eq!(result["structuredContent"]["name"], "background");

        let began = Instant::now();
        let result = client
            .call("background", json!({"milliseconds": 13_000}))
            .await;
        let took = began.elapsed();
        assert!((9..13).contains(&took.as_secs()), "{took:?}");
        let state = &result["structuredContent"];
        assert_eq!(state["status"], "running");
        let id = state["job_id"].as_str().unwrap();
        assert!(
            text(&result).contains("jobs_get") && text(&result).contains(id),
            "{result}"
        );
        assert_eq!(state["progress"]["message"], "working");

        let result = client.call("jobs_logs", json!({"job_id": id})).await;
        assert_eq!(text(&result), "1 begun");
        let result = client.call("jobs_get", json!({"job_id": id})).await;
        assert_eq!(result["structuredContent"]["status"], "running");
        let result = client
            .call("jobs_get", json!({"job_id": id, "wait_seconds": 20}))
            .await;
        assert_eq!(
            result["structuredContent"]["name"], "background",
            "{result}"
        );

        let result = client.call("jobs_cancel", json!({"job_id": id})).await;
        assert_eq!(text(&result), "The job has ended: it is completed.");
        for (wrong, words) in [
            (json!({"job_id": "no-job"}), "there is no job `no-job`"),
            (json!({}), "`job_id` is the id of a job"),
            (json!({"job_id": id, "wait_seconds": 51}), "from 0 to 50"),
        ] {
            let result = client.call("jobs_get", wrong).await;
            assert!(text(&result).contains(words), "{result}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_of_a_job_is_streamed() {
    let world = World::with(Mcp::new().wait(Duration::from_secs(3))).await;
    let client = world.client();
    let call = async |milliseconds: u64| {
        let arguments = json!({"milliseconds": milliseconds});
        let params =
            json!({"name": "background", "arguments": arguments, "_meta": {"progressToken": 4}});
        let response = client.request("tools/call", params).send().await.unwrap();
        events(&response.text().await.unwrap())
    };
    let messages = call(1_500).await;
    let words: Vec<&str> = messages
        .iter()
        .filter_map(|it| it["params"]["message"].as_str())
        .collect();
    assert!(
        words.contains(&"working") && words.contains(&"begun"),
        "{messages:?}"
    );
    let last = messages.last().unwrap();
    assert_eq!(last["result"]["structuredContent"]["name"], "background");
    // The wait is over before the job is.
    let messages = call(5_000).await;
    let state = &messages.last().unwrap()["result"]["structuredContent"];
    assert_eq!(state["status"], "running");
    let id = state["job_id"].clone();
    let result = client
        .call("jobs_get", json!({"job_id": id, "wait_seconds": 10}))
        .await;
    assert_eq!(result["structuredContent"]["name"], "background");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_closes_the_stream_cancels_the_job() {
    let world = World::new().await;
    let jobs = world.service.scheduler().unwrap().clone();
    let client = world.client();
    let arguments = json!({"milliseconds": 60_000});
    let params =
        json!({"name": "background", "arguments": arguments, "_meta": {"progressToken": 4}});
    let response = client.request("tools/call", params).send().await.unwrap();
    drop(response);
    let deadline = Instant::now() + Duration::from_secs(20);
    while jobs.stats().await.unwrap().canceled == 0 {
        assert!(Instant::now() < deadline, "{:?}", jobs.stats().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // A job that was handed over stays.
    let created = client
        .clone()
        .with_tasks()
        .call("background", json!({"milliseconds": 500}))
        .await;
    until(
        &client.with_tasks(),
        created["taskId"].as_str().unwrap(),
        "completed",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_with_a_key_runs_once() {
    let world = World::new().await;
    let client = world.client().with_tasks();
    let call = async |key: Value, milliseconds: u64| {
        let arguments = json!({"milliseconds": milliseconds, "idempotency_key": key});
        client.call("background", arguments).await
    };
    let first = call(json!("a"), 10).await;
    assert_eq!(call(json!("a"), 10).await["taskId"], first["taskId"]);
    assert_ne!(call(json!("b"), 10).await["taskId"], first["taskId"]);
    let other = call(json!("a"), 20).await;
    assert_eq!(other["isError"], true);
    let wrong = call(json!(7), 10).await;
    assert!(text(&wrong).contains("/idempotency_key"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_waits_asks_a_person() {
    let world = World::of(
        builder()
            .with_mcp()
            .with_auth(ApiKeys::new().key(tasks_web::ApiKey::new("ann", "annes-own-long-key"))),
    )
    .await;
    let client = world
        .client()
        .with_tasks()
        .header("authorization", "Bearer annes-own-long-key");
    let created = client.call("approve", json!({})).await;
    let id = created["taskId"].as_str().unwrap();
    let waiting = until(&client, id, "input_required").await;
    let request = &waiting["inputRequests"]["approval"];
    assert_eq!(request["method"], "elicitation/create");
    assert_eq!(
        request["params"]["requestedSchema"],
        json!({"type": "object", "properties": {"value": {"type": "boolean"}}, "required": ["value"]})
    );
    // A client that cannot ask sees what it waits for.
    let mut mute = client.clone();
    mute.capabilities = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let answer = mute.send("tasks/get", json!({"taskId": id})).await;
    let task = answer.result();
    assert_eq!(
        (&task["status"], &task["statusMessage"]),
        (
            &json!("working"),
            &json!("waits for an event, in the step `approval`")
        )
    );
    let update = async |responses: Value| {
        let params = json!({"taskId": id, "inputResponses": responses});
        client.send("tasks/update", params).await
    };
    // What nobody asked, and a person who declines, change nothing.
    assert_eq!(
        update(json!({"other": {"action": "accept", "content": {"value": true}}}))
            .await
            .status,
        200
    );
    assert_eq!(
        update(json!({"approval": {"action": "decline"}}))
            .await
            .status,
        200
    );
    until(&client, id, "input_required").await;
    let wrong =
        update(json!({"approval": {"action": "accept", "content": {"value": "maybe"}}})).await;
    assert_eq!(wrong.error().1, -32602);
    let yes = json!({"approval": {"action": "accept", "content": {"value": true}}});
    // An answer that comes twice, as when the first one was not heard, counts once.
    let (one, other) = tokio::join!(update(yes.clone()), update(yes.clone()));
    assert_eq!((one.status, other.status), (200, 200));
    let done = until(&client, id, "completed").await;
    assert_eq!(done["result"]["structuredContent"], true);

    // Both changes that were made are in the audit log.
    let log = tasks_tests::http::client()
        .unwrap()
        .get(world.app.url("/api/v1/audit-log"));
    let (_, log) = tasks_tests::http::answer(log.header("x-api-key", "annes-own-long-key"))
        .await
        .unwrap();
    let entries: Vec<(&str, &str, &str)> = log
        .as_array()
        .unwrap_or_else(|| panic!("{log}"))
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap();
            (text("operation"), text("key"), text("path"))
        })
        .collect();
    assert_eq!(
        entries,
        [(
            "send_job_event",
            "ann",
            format!("/mcp/{id}?step=approval").as_str()
        )]
    );
}

/// The same question twice: an answer to the first must not be taken for one to the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_question_is_answered_for_itself() {
    let world = World::new().await;
    let client = world.client().with_tasks();
    let created = client.call("approve_twice", json!({})).await;
    let id = created["taskId"].as_str().unwrap();
    let waiting = until(&client, id, "input_required").await;
    assert_eq!(
        waiting["inputRequests"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["approval"]
    );
    let answer = |step: &str| {
        let mut responses = json!({});
        responses[step] = json!({"action": "accept", "content": {"value": true}});
        let params = json!({"taskId": id, "inputResponses": responses});
        client.send("tasks/update", params)
    };
    for _ in 0..5 {
        assert_eq!(answer("approval").await.status, 200);
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let task = until(&client, id, "input_required").await;
        let asked = task["inputRequests"].as_object().unwrap().clone();
        if asked.contains_key("approval#2") {
            break;
        }
        assert!(Instant::now() < deadline, "{task}");
        assert_eq!(answer("approval").await.status, 200);
    }
    for _ in 0..3 {
        assert_eq!(answer("approval").await.status, 200);
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let task = until(&client, id, "input_required").await;
    assert!(task["inputRequests"]["approval#2"].is_object(), "{task}");
    assert_eq!(answer("approval#2").await.status, 200);
    until(&client, id, "completed").await;
}

/// Looking at a result that is too large saves it once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_result_of_a_job_is_one_artifact() {
    let world = World::new().await;
    let client = world.client().with_tasks();
    let created = client.call("large_job", json!({})).await;
    let id = created["taskId"].as_str().unwrap();
    for _ in 0..3 {
        let done = until(&client, id, "completed").await;
        assert_eq!(done["result"]["content"][1]["type"], "resource_link");
        let result = client.call("jobs_get", json!({"job_id": id})).await;
        assert_eq!(result["content"][1]["type"], "resource_link");
    }
    let params = json!({"notifications": {"taskIds": [id]}});
    let response = client
        .request("subscriptions/listen", params)
        .send()
        .await
        .unwrap();
    let mut body = response.bytes_stream();
    let deadline = tokio::time::sleep(Duration::from_millis(3_500));
    tokio::pin!(deadline);
    let mut text = String::new();
    loop {
        tokio::select! {
            part = futures_util::StreamExt::next(&mut body) => text.push_str(std::str::from_utf8(&part.unwrap().unwrap()).unwrap()),
            () = &mut deadline => break,
        }
    }
    // The acknowledgement, and the end of the task once.
    assert_eq!(events(&text).len(), 2, "{text}");
    assert_eq!(world.service.artifacts().unwrap().count().await.unwrap(), 1);
}

/// A job that is another's, too, goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_others_is_not_canceled() {
    let world = World::new().await;
    let jobs = world.service.scheduler().unwrap().clone();
    let job = jobs.submit_named("only_one", json!({})).await.unwrap();
    let client = world.client();
    let params = json!({"name": "only_one", "_meta": {"progressToken": 4}});
    let response = client.request("tools/call", params).send().await.unwrap();
    drop(response);
    let ended = jobs.wait(job.id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(ended.status.as_str(), "completed");
    // Clients before 2026-07-28 may come back: their connection says nothing.
    let client = client.version("2025-06-18");
    let arguments = json!({"milliseconds": 3_000, "idempotency_key": "again"});
    let params =
        json!({"name": "background", "arguments": arguments, "_meta": {"progressToken": 4}});
    let response = client
        .request("tools/call", params.clone())
        .send()
        .await
        .unwrap();
    drop(response);
    let answer = super::world::read(client.request("tools/call", params)).await;
    assert_eq!(answer.result()["structuredContent"]["name"], "background");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_hears_of_its_tasks() {
    let world = World::new().await;
    let client = world.client().with_tasks();
    let created = client
        .call("background", json!({"milliseconds": 2_500}))
        .await;
    let id = created["taskId"].clone();
    let params = json!({"notifications": {"taskIds": [id, "no-task"], "toolsListChanged": true}});
    let response = client
        .request("subscriptions/listen", params)
        .send()
        .await
        .unwrap();
    let mut body = response.bytes_stream();
    let mut text = String::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !text.contains("\"completed\"") {
        assert!(Instant::now() < deadline, "{text}");
        let part = futures_util::StreamExt::next(&mut body)
            .await
            .unwrap()
            .unwrap();
        text.push_str(std::str::from_utf8(&part).unwrap());
    }
    let messages = events(&text);
    assert_eq!(
        messages[0]["method"],
        "notifications/subscriptions/acknowledged"
    );
    assert_eq!(
        messages[0]["params"]["notifications"],
        json!({"taskIds": [id]})
    );
    for message in &messages {
        assert_eq!(
            message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
            7
        );
    }
    assert_eq!(messages[1]["params"]["status"], "working");
    let last = &messages.last().unwrap()["params"];
    assert_eq!(last["result"]["structuredContent"]["name"], "background");
    // A service that is to end says so.
    let params = json!({"notifications": {}});
    let listening = client
        .request("subscriptions/listen", params)
        .send()
        .await
        .unwrap();
    let service = world.service.clone();
    let (rest, ()) = tokio::join!(listening.text(), service.shutdown());
    let messages = events(&rest.unwrap());
    let last = messages.last().unwrap();
    assert_eq!(
        last["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        7
    );
}

/// In processes of their own, with all defaults: a task outlives the process that began it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_outlives_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", folder.path().join("jobs.db").display());
    let start = || {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_mcp-fixtures"));
        Server::start_program(program, [("DATABASE_URL", database.as_str())]).unwrap()
    };
    let server = start();
    let client = Client::new(server.url("/mcp")).with_tasks();
    let slow = client
        .call(
            "slow_compute",
            json!({"seconds": 3, "label": "after the crash"}),
        )
        .await;
    let waiting = client
        .call("confirm_delete", json!({"filename": "a.txt"}))
        .await;
    let quick = client
        .call("slow_compute", json!({"seconds": 0, "label": "before"}))
        .await;
    until(&client, quick["taskId"].as_str().unwrap(), "completed").await;
    let (slow, waiting) = (
        slow["taskId"].as_str().unwrap(),
        waiting["taskId"].as_str().unwrap(),
    );
    until(&client, waiting, "input_required").await;
    server.signal(rustix::process::Signal::KILL).unwrap();
    drop(server);

    let server = start();
    let client = Client::new(server.url("/mcp")).with_tasks();
    let done = until(&client, quick["taskId"].as_str().unwrap(), "completed").await;
    assert_eq!(text(&done["result"]), "before");
    until(&client, waiting, "input_required").await;
    let responses = json!({"confirm": {"action": "accept", "content": {"confirm": true}}});
    let params = json!({"taskId": waiting, "inputResponses": responses});
    assert_eq!(client.send("tasks/update", params).await.status, 200);
    let done = until(&client, waiting, "completed").await;
    assert_eq!(text(&done["result"]), "deleted a.txt");
    // Its lease is over after 20 seconds.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = client.send("tasks/get", json!({"taskId": slow})).await;
        if answer.result()["status"] == "completed" {
            assert_eq!(text(&answer.result()["result"]), "after the crash");
            break;
        }
        assert!(Instant::now() < deadline, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
