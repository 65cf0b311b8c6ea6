//! What tools are, and what calls of them give.

use serde_json::{Value, json};
use tasks_web::mcp::Mcp;
use tasks_web::prelude::*;

use super::world::{World, builder, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_is_what_its_task_says() {
    let world = World::new().await;
    let tools = world.client().tools().await;
    let names: Vec<&str> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "approve",
            "approve_twice",
            "background",
            "draw",
            "find_lamp",
            "large_job",
            "log_in",
            "much",
            "only_one",
            "panicking",
            "slow",
            "switch_lamps",
            "word",
            "jobs_get",
            "jobs_cancel",
            "jobs_logs"
        ]
    );
    let tool = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap();
    let find = tool("find_lamp");
    assert_eq!(find["title"], "Find lamp");
    let description = find["description"].as_str().unwrap();
    assert!(
        description.starts_with("Finds a lamp.\n\nGives its state, see `Lamp`."),
        "{description}"
    );
    assert!(
        description.ends_with(r#"Example arguments: {"name":"kitchen"}"#),
        "{description}"
    );
    assert_eq!(
        find["inputSchema"],
        json!({
            "type": "object",
            "properties": {"name": {
                "description": "Name of the lamp.", "examples": ["kitchen"], "minLength": 2, "type": "string",
            }},
            "required": ["name"],
            "additionalProperties": false,
        })
    );
    assert_eq!(
        find["annotations"],
        json!({
            "title": "Find lamp", "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false,
        })
    );
    let own = &find["outputSchema"]["anyOf"][0];
    assert_eq!(own["required"], json!(["name", "on", "notes"]));
    let switch = tool("switch_lamps");
    assert_eq!(switch["title"], "Switch the lamps");
    assert_eq!(
        switch["icons"],
        json!([{"src": "https://example.org/lamp.svg"}])
    );
    assert_eq!(
        switch["annotations"],
        json!({
            "title": "Switch the lamps", "readOnlyHint": false, "destructiveHint": true, "idempotentHint": true, "openWorldHint": true,
        })
    );
    // What it returns is content, and no JSON.
    assert_eq!(tool("draw").get("outputSchema"), None);
    // The secret is marked.
    assert_eq!(
        tool("log_in")["inputSchema"]["properties"]["password"]["writeOnly"],
        true
    );

    // The same is in the metadata, and in the document.
    let info = world
        .service
        .executor()
        .registry()
        .info("find_lamp")
        .unwrap();
    assert!(info.hints.read_only && !info.hints.open_world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_is_text_and_json() {
    let world = World::new().await;
    let client = world.client();
    let lamp = json!({"name": "kitchen", "on": true, "notes": null});
    let result = client.call("find_lamp", json!({"name": "kitchen"})).await;
    assert_eq!(result["structuredContent"], lamp);
    assert_eq!(serde_json::from_str::<Value>(text(&result)).unwrap(), lamp);
    assert_eq!(
        (&result["isError"], &result["resultType"]),
        (&json!(false), &json!("complete"))
    );
    let server = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(
        (&server["name"], &server["title"]),
        (&json!("lamps"), &json!("Lamps"))
    );

    let result = client.call("word", json!({})).await;
    assert_eq!(text(&result), "a \"word\"\nof two lines");
    assert_eq!(result["structuredContent"], "a \"word\"\nof two lines");

    // Before 2026-07-28 it is an object.
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let client = client.clone().version(version);
        let result = client.call("word", json!({})).await;
        assert_eq!(
            result["structuredContent"],
            json!({"result": "a \"word\"\nof two lines"})
        );
        assert_eq!(result.get("resultType"), None);
        let result = client.call("find_lamp", json!({"name": "kitchen"})).await;
        assert_eq!(result["structuredContent"], lamp);
        let tools = client.tools().await;
        let words = tools.iter().find(|tool| tool["name"] == "word").unwrap();
        let schema = &words["outputSchema"];
        assert_eq!(
            (&schema["type"], &schema["anyOf"][0]["required"]),
            (&json!("object"), &json!(["result"]))
        );
    }

    let result = client.call("draw", json!({})).await;
    assert_eq!(
        result["content"],
        json!([{"type": "text", "text": "Here:"}, {"type": "image", "data": "cG5n", "mimeType": "image/png"}])
    );
}

/// Each client may check results by the schema that it was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_fit_their_schemas() {
    let world = World::new().await;
    for version in ["2026-07-28", "2025-11-25"] {
        let client = world.client().version(version);
        for tool in client.tools().await {
            let Some(schema) = tool.get("outputSchema") else {
                continue;
            };
            let arguments = match tool["name"].as_str().unwrap() {
                "find_lamp" => json!({"name": "kitchen"}),
                "switch_lamps" => json!({"names": ["a"], "level": 1}),
                "log_in" => json!({"password": "long enough"}),
                "much" => json!({"size": 100_000}),
                "slow" | "background" => json!({"milliseconds": 1}),
                "word" | "large_job" | "only_one" => json!({}),
                // It fails, or has no end.
                _ => continue,
            };
            let name = tool["name"].as_str().unwrap();
            let result = client.call(name, arguments).await;
            assert_eq!(result["isError"], false, "{result}");
            let validator = jsonschema::draft202012::new(schema).unwrap();
            let content = &result["structuredContent"];
            assert!(
                validator.is_valid(content),
                "{name} {version}: {content} {schema}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_wrong_with_arguments_is_said_at_once() {
    let world = World::new().await;
    let client = world.client();
    let result = client
        .call(
            "switch_lamps",
            json!({"names": [1], "level": 200, "lvel": 3}),
        )
        .await;
    assert_eq!(result["isError"], true);
    let words = text(&result);
    for part in ["nothing was run", "/names/0", "/level", "/lvel", "level"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(!words.contains("/params"), "{words}");
    // No arguments at all.
    let params = json!({"name": "find_lamp"});
    let result = client.send("tools/call", params).await;
    let words = text(result.result()).to_owned();
    assert!(
        words.contains("/name") && words.contains("missing"),
        "{words}"
    );
    // A secret is not repeated.
    let result = client.call("log_in", json!({"password": "hunter2"})).await;
    let words = text(&result);
    assert!(
        words.contains("/password") && !words.contains("hunter2"),
        "{words}"
    );
    // What is no object is the protocol's to refuse.
    let answer = client
        .send("tools/call", json!({"name": "word", "arguments": [1]}))
        .await;
    assert_eq!(answer.error().1, -32602);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_in_a_text_is_read_where_no_text_is_wanted() {
    let world = World::new().await;
    let client = world.client();
    let result = client
        .call(
            "switch_lamps",
            json!({"names": "[\"a\", \"b\"]", "level": "5"}),
        )
        .await;
    assert_eq!(text(&result), "2");
    // A text stays one.
    let result = client.call("find_lamp", json!({"name": "[1]"})).await;
    assert!(text(&result).contains("no lamp is named `[1]`"), "{result}");
    // What it holds is checked like any other.
    let result = client
        .call("switch_lamps", json!({"names": "[\"a\"]", "level": "500"}))
        .await;
    assert!(text(&result).contains("/level"), "{result}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_say_what_a_model_needs() {
    let world = World::new().await;
    let client = world.client();
    let result = client.call("find_lamp", json!({"name": "cellar"})).await;
    assert_eq!(result["isError"], true);
    let words = text(&result);
    for part in [
        "no lamp is named `cellar`",
        "unknown-lamp",
        r#"{"name":"cellar"}"#,
        "would fail as well",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(!words.contains(".rs"), "{words}");
    let result = client.call("panicking", json!({})).await;
    assert!(text(&result).contains("panic"), "{result}");
    assert!(!text(&result).contains(".rs"), "{result}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_tools_have_near_ones() {
    let world = World::new().await;
    let answer = world
        .client()
        .send("tools/call", json!({"name": "find_lamps"}))
        .await;
    let (status, code, message) = answer.error();
    assert_eq!((status, code), (200, -32602));
    assert!(message.contains("did you mean `find_lamp`"), "{message}");
    assert_eq!(answer.json["error"]["data"]["nearest"][0], "find_lamp");
    // A task that is no tool is not there.
    let answer = world
        .client()
        .send("tools/call", json!({"name": "hidden"}))
        .await;
    assert_eq!(answer.error().1, -32602);
    let answer = world
        .client()
        .send("tools/call", json!({"name": "poem"}))
        .await;
    assert_eq!(answer.error().1, -32602);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_result_is_an_artifact() {
    let world = World::new().await;
    let client = world.client();
    let small = client.call("much", json!({"size": 59_000})).await;
    assert_eq!(text(&small).len(), 59_000);
    let large = client.call("much", json!({"size": 100_000})).await;
    assert!(text(&large).contains("100002 bytes") && text(&large).len() < 3_000);
    let link = &large["content"][1];
    assert_eq!(
        (&link["type"], &link["size"]),
        (&json!("resource_link"), &json!(100_002))
    );
    let uri = link["uri"].as_str().unwrap();
    assert_eq!(large["structuredContent"]["artifact"], uri);
    // The same result is the same artifact, which is not for ever.
    let again = client.call("much", json!({"size": 100_000})).await;
    assert_eq!(again["content"][1]["uri"], uri);
    let read = client.send("resources/read", json!({"uri": uri})).await;
    let contents = &read.result()["contents"][0];
    assert_eq!(contents["mimeType"], "application/json");
    assert_eq!(contents["text"].as_str().unwrap().len(), 100_002);

    // Where there are no artifacts, nothing is lost.
    let builder = Service::builder(ServiceInfo::new("words", "Words"))
        .with_tasks(TaskRegistry::builder().task(much_more).build().unwrap())
        .with_mcp();
    let world = World::of(builder).await;
    let whole = world.client().call("much_more", json!({})).await;
    assert_eq!(text(&whole).len(), 100_000);
}

/// Gives much text.
#[task(register = false)]
async fn much_more() -> String {
    "x".repeat(100_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_has_the_limits_of_its_task() {
    let builder = builder().with_mcp().configure_executor(|executor| {
        let executor = executor.task_max_concurrency("slow", 1);
        executor.permit_timeout(std::time::Duration::from_millis(50))
    });
    let world = World::of(builder).await;
    let client = world.client();
    let (one, other) = tokio::join!(
        client.call("slow", json!({"milliseconds": 1_000})),
        client.call("slow", json!({"milliseconds": 1_000}))
    );
    let refused = if one["isError"] == true { &one } else { &other };
    assert!(
        text(refused).contains("Try again in a second"),
        "{one} {other}"
    );
    assert_ne!(one["isError"], other["isError"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hosts_do_not_take_is_said_when_the_service_is_built() {
    /// A long name.
    #[task(
        register = false,
        name = "a_task_with_a_name_that_is_longer_than_hosts_take"
    )]
    async fn long() {}
    /// A parameter that models do not take.
    #[task(register = false)]
    async fn odd(#[task(rename = "größe")] size: u8) -> u8 {
        size
    }
    /// A job without jobs.
    #[task(register = false, mcp = "job")]
    async fn job() {}
    /// The name of a tool of the server's own.
    #[task(register = false, name = "run_task")]
    async fn clash() {}
    let build = async |settings: Mcp| {
        let registry = TaskRegistry::builder()
            .task(long)
            .task(odd)
            .task(job)
            .task(clash)
            .build();
        let builder = Service::builder(ServiceInfo::new("a", "A"))
            .with_tasks(registry.unwrap())
            .with_mcp_settings(settings);
        builder.build().await.unwrap_err().to_string()
    };
    let error = build(Mcp::new()).await + &build(Mcp::new().catalog()).await;
    for part in [
        "`a_task_with_a_name_that_is_longer_than_hosts_take` is a tool for agents, and its name has 49 characters",
        "größe",
        "`job` are jobs (`mcp = \"job\"`), and the service has none: call `with_jobs`",
        "`run_task` has the name of a tool that the MCP server has of its own",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    // Elsewhere than where it is on, and set up twice.
    let error = Service::builder(ServiceInfo::new("a", "A"))
        .mcp_at("/tools")
        .build()
        .await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("`mcp_at` says where something is that is off: call `with_mcp`")
    );
}
