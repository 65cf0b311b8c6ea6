//! Keys: who may call what.

use serde_json::json;
use tasks_tests::http;
use tasks_web::mcp::{Mcp, ProtectedResource};
use tasks_web::{ApiKey, ApiKeys};

use super::world::{World, builder, text};

const KEYS: [(&str, &str); 4] = [
    ("all", "everything-is-mine"),
    ("lamps", "only-the-lamps-please"),
    ("looks", "only-looking-at-it"),
    ("slow", "only-the-slow-ones"),
];

fn keys() -> ApiKeys {
    ApiKeys::new()
        .key(ApiKey::new("all", KEYS[0].1))
        .key(ApiKey::new("lamps", KEYS[1].1).tags(["lamps"]))
        .key(ApiKey::new("looks", KEYS[2].1).read_only())
        .key(ApiKey::new("slow", KEYS[3].1).tags(["slow"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_sees_its_own_tools() {
    let world = World::of(builder().with_auth(keys()).with_mcp()).await;
    let bearer = |key: &str| {
        world
            .client()
            .header("authorization", format!("Bearer {key}"))
    };
    let all = bearer(KEYS[0].1);
    assert_eq!(all.names().await.len(), 16);
    assert_eq!(
        world
            .client()
            .header("x-api-key", KEYS[0].1)
            .names()
            .await
            .len(),
        16
    );
    assert_eq!(
        world
            .client()
            .header("authorization", format!("bearer  {}", KEYS[0].1))
            .names()
            .await
            .len(),
        16
    );
    let answer = all.send("tools/list", json!({})).await;
    assert_eq!(answer.result()["cacheScope"], "private");

    let lamps = bearer(KEYS[1].1);
    assert_eq!(lamps.names().await, ["find_lamp", "switch_lamps"]);
    let answer = lamps.send("tools/call", json!({"name": "word"})).await;
    let (_, code, message) = answer.error();
    assert_eq!(code, -32602);
    // Names of what it does not reach are not told.
    assert!(!message.contains("did you mean"), "{message}");
    assert_eq!(
        text(
            &lamps
                .call("switch_lamps", json!({"names": [], "level": 0}))
                .await
        ),
        "0"
    );

    // What changes nothing, of all tags.
    let looks = bearer(KEYS[2].1);
    assert_eq!(looks.names().await, ["draw", "find_lamp", "much"]);
    let answer = looks
        .send(
            "tools/call",
            json!({"name": "switch_lamps", "arguments": {}}),
        )
        .await;
    assert_eq!(answer.error().1, -32602);
    assert_eq!(
        looks.call("find_lamp", json!({"name": "kitchen"})).await["isError"],
        false
    );

    let slow = bearer(KEYS[3].1);
    assert_eq!(
        slow.names().await,
        [
            "approve",
            "approve_twice",
            "background",
            "large_job",
            "only_one",
            "slow",
            "jobs_get",
            "jobs_cancel",
            "jobs_logs"
        ]
    );
    // As over HTTP, a limited key does not learn of artifacts, and reads those whose ids it has.
    let artifact = tasks_web::NewArtifact::json(json!({"a": 1}));
    let artifact = world
        .service
        .artifacts()
        .unwrap()
        .save(artifact)
        .await
        .unwrap();
    let resources = all.send("resources/list", json!({})).await;
    assert!(
        resources
            .result()
            .to_string()
            .contains(&artifact.id.to_string())
    );
    let resources = lamps.send("resources/list", json!({})).await;
    let uris: Vec<&str> = resources.result()["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["uri"].as_str().unwrap())
        .collect();
    assert_eq!(
        uris,
        [
            "tasks://openapi.json",
            "tasks://tasks/find_lamp",
            "tasks://tasks/switch_lamps"
        ]
    );
    let document = lamps
        .send("resources/read", json!({"uri": "tasks://openapi.json"}))
        .await;
    let document = document.result()["contents"][0]["text"].as_str().unwrap();
    assert!(document.contains("/switch_lamps/") && !document.contains("/word/"));
    let page = lamps
        .send("resources/read", json!({"uri": "tasks://tasks/word"}))
        .await;
    assert_eq!(page.error().1, -32602);
    let prompt = lamps
        .send(
            "prompts/get",
            json!({"name": "poem", "arguments": {"topic": "tea"}}),
        )
        .await;
    assert_eq!(prompt.error().1, -32602);
    assert_eq!(
        lamps.send("prompts/list", json!({})).await.result()["prompts"],
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_nothing_is_said() {
    let world = World::of(builder().with_auth(keys()).with_mcp()).await;
    for client in [
        world.client(),
        world
            .client()
            .header("authorization", "Bearer wrong-as-it-is"),
    ] {
        let answer = client.send("tools/list", json!({})).await;
        assert_eq!(answer.status, 401);
        // Not where to get a token: hosts would look for a login then.
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert_eq!(answer.json["type"], "urn:tasks:problem:unauthorized");
    }
    // A token counts at the endpoint of agents alone.
    let request = http::client().unwrap().get(world.app.url("/api/v1/tasks"));
    let response = request.bearer_auth(KEYS[0].1).send().await.unwrap();
    assert_eq!(response.status(), 401);
    for path in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ] {
        let (status, problem) = http::get(&world.app.url(path)).await.unwrap();
        assert_eq!(status, 404, "{path}");
        assert_eq!(problem["type"], "urn:tasks:problem:not-found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_provider_in_front_is_found() {
    let resource = ProtectedResource::new("https://lamps.example/mcp", "https://login.example")
        .scopes(["lamps"]);
    let world = World::of(
        builder()
            .with_auth(keys())
            .with_mcp_settings(Mcp::new().oauth(resource)),
    )
    .await;
    let answer = world.client().send("tools/list", json!({})).await;
    assert_eq!(
        answer.headers["www-authenticate"],
        "Bearer resource_metadata=\"https://lamps.example/.well-known/oauth-protected-resource/mcp\", scope=\"lamps\""
    );
    let path = "/.well-known/oauth-protected-resource/mcp";
    let (status, document) = http::get(&world.app.url(path)).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        document,
        json!({
            "resource": "https://lamps.example/mcp",
            "authorization_servers": ["https://login.example"],
            "bearer_methods_supported": ["header"],
            "scopes_supported": ["lamps"],
        })
    );
    let wrong = ProtectedResource::new("lamps.example", "https://login.example").scopes(["a b"]);
    let error = builder()
        .with_mcp_settings(Mcp::new().oauth(wrong))
        .build()
        .await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("`lamps.example`") && error.contains("`a b`"),
        "{error}"
    );
}

/// The id of a job is a name, and no right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_of_others_are_not_there() {
    let world = World::of(builder().with_auth(keys()).with_mcp()).await;
    let with = |key: &str| {
        world
            .client()
            .with_tasks()
            .header("authorization", format!("Bearer {key}"))
    };
    let started = with(KEYS[3].1)
        .call("background", json!({"milliseconds": 1}))
        .await;
    let id = started["taskId"].as_str().unwrap();
    assert_eq!(
        with(KEYS[3].1)
            .send("tasks/get", json!({"taskId": id}))
            .await
            .status,
        200
    );
    for key in [KEYS[1].1, KEYS[2].1] {
        let answer = with(key).send("tasks/get", json!({"taskId": id})).await;
        assert_eq!(answer.error().1, -32602);
        let answer = with(key).send("tasks/cancel", json!({"taskId": id})).await;
        assert_eq!(answer.error().1, -32602);
    }
    // Who has begun it is known.
    let jobs = world.service.scheduler().unwrap();
    let job = jobs.get(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(job.submitted_by.as_deref(), Some("slow"));
}
