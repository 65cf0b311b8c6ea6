//! Versions of the protocol, headers and messages.

use reqwest::Method;
use serde_json::{Value, json};
use tasks_tests::http;

use super::world::{LATEST, World, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_handshake_of_clients_before_2026() {
    let world = World::new().await;
    let client = world.client().version("2025-06-18");
    for (wanted, agreed) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("9999-01-01", "2025-11-25"),
    ] {
        let params = json!({
            "protocolVersion": wanted, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
        });
        let message =
            json!({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": params});
        let request = http::client().unwrap().post(&client.url).json(&message);
        let answer = read(request).await;
        let result = answer.result();
        assert_eq!(answer.json["id"], "a");
        assert_eq!(result["protocolVersion"], agreed);
        assert_eq!(result["serverInfo"]["name"], "lamps");
        assert_eq!(result["instructions"], "Looks after lamps.");
        assert_eq!(
            result["capabilities"],
            json!({"tools": {}, "resources": {}, "prompts": {}, "completions": {}})
        );
        assert!(!answer.headers.contains_key("mcp-session-id"));
    }
    let request = http::client().unwrap().post(&client.url);
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let response = request.json(&initialized).send().await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(response.bytes().await.unwrap().len(), 0);
    assert_eq!(client.send("ping", json!({})).await.result(), &json!({}));
    // Clients of 2025-03-26 send no header.
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let answer = read(http::client().unwrap().post(&client.url).json(&message)).await;
    assert!(answer.result()["tools"].is_array());
    assert_eq!(
        client.send("server/discover", json!({})).await.error().1,
        -32601
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discovery_of_clients_since_2026() {
    let world = World::new().await;
    let client = world.client();
    let answer = client.send("server/discover", json!({})).await;
    let result = answer.result();
    assert_eq!(
        result["supportedVersions"],
        json!([LATEST, "2025-11-25", "2025-06-18", "2025-03-26"])
    );
    assert_eq!(
        result["capabilities"]["extensions"],
        json!({"io.modelcontextprotocol/tasks": {}})
    );
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "no/method",
    ] {
        let answer = client.send(method, json!({})).await;
        assert_eq!(
            (answer.error().0, answer.error().1),
            (404, -32601),
            "{method}"
        );
    }
}

/// A client of 2026-07-28 says everything in each request, and its headers say the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_and_messages_agree() {
    let world = World::new().await;
    let client = world.client();
    let message = client.message("tools/call", json!({"name": "word"}));
    let send = async |headers: &[(&str, &str)], message: &Value| {
        let mut request = http::client().unwrap().post(&client.url).json(message);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = read(request).await;
        match answer.json.get("error") {
            Some(error) => (answer.status, error["code"].as_i64().unwrap()),
            None => (answer.status, 0),
        }
    };
    let version = ("mcp-protocol-version", LATEST);
    let (method, name) = (("mcp-method", "tools/call"), ("mcp-name", "word"));
    assert_eq!(send(&[version, method, name], &message).await, (200, 0));
    assert_eq!(
        send(
            &[version, method, ("mcp-name", "=?base64?d29yZA==?=")],
            &message
        )
        .await,
        (200, 0)
    );
    for headers in [
        &[method, name][..],
        &[version, name],
        &[version, method],
        &[version, ("mcp-method", "TOOLS/CALL"), name],
        &[version, method, ("mcp-name", "other")],
        &[version, method, ("mcp-name", "=?base64?d29yZA=?=")],
        &[("mcp-protocol-version", "2025-06-18"), method, name],
        &[version, version, method, name],
    ] {
        assert_eq!(send(headers, &message).await, (400, -32020), "{headers:?}");
    }
    let mut other = message.clone();
    other["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("9999-01-01");
    assert_eq!(send(&[version, method, name], &other).await, (400, -32020));
    let unknown = [("mcp-protocol-version", "9999-01-01"), method, name];
    assert_eq!(send(&unknown, &other).await, (400, -32022));
    let bare = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert_eq!(
        send(&[("mcp-protocol-version", "9999-01-01")], &bare).await,
        (400, -32022)
    );
    assert_eq!(
        send(&[version, ("mcp-method", "tools/list")], &bare).await,
        (400, -32602)
    );
    let mut incapable = message.clone();
    let meta = incapable["params"]["_meta"].as_object_mut().unwrap();
    meta.remove("io.modelcontextprotocol/clientCapabilities");
    assert_eq!(
        send(&[version, method, name], &incapable).await,
        (400, -32602)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_is_refused() {
    let world = World::new().await;
    let url = world.app.url("/mcp");
    let send = async |body: &str| {
        let request = http::client().unwrap().post(&url);
        let answer = read(
            request
                .header("content-type", "application/json")
                .body(body.to_owned()),
        )
        .await;
        let error = &answer.json["error"];
        (
            answer.status,
            error["code"].as_i64().unwrap_or_default(),
            answer.json["id"].clone(),
        )
    };
    assert_eq!(send("{").await, (400, -32700, Value::Null));
    assert_eq!(send("").await, (400, -32700, Value::Null));
    assert_eq!(send("[]").await, (400, -32600, Value::Null));
    assert_eq!(
        send(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#)
            .await
            .1,
        -32600
    );
    assert_eq!(
        send(r#"{"jsonrpc":"2.0","id":3,"result":{}}"#).await,
        (400, -32600, json!(3))
    );
    assert_eq!(
        send(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#)
            .await
            .1,
        -32600
    );
    assert_eq!(
        send(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#)
            .await
            .1,
        -32600
    );
    assert_eq!(send(&"[".repeat(10_000)).await.1, -32700);
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"word","arguments":{{"a":{}{}}}}}}}"#,
        "[".repeat(120),
        "]".repeat(120)
    );
    let (status, code, _) = send(&deep).await;
    assert!(
        status == 400 && code == -32700 || status == 200,
        "{status} {code}"
    );
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#,
        "x".repeat(600)
    );
    assert_eq!(send(&long).await.1, -32600);

    let client = http::client().unwrap();
    let response = client.post(&url).body("{}").send().await.unwrap();
    assert_eq!(response.status(), 415);
    let large = client
        .post(&url)
        .header("content-type", "application/json")
        .body("x".repeat(3_000_000));
    assert_eq!(large.send().await.unwrap().status(), 413);
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let response = client.request(method, &url).send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "POST");
    }
}

/// A page of another site could reach a server on this machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_other_origins_are_refused() {
    let world = World::new().await;
    let client = world.client();
    let own = format!("http://{}", world.app.address());
    for (origin, status) in [
        ("http://evil.example", 403),
        ("null", 403),
        (own.as_str(), 200),
    ] {
        let request = client
            .request("tools/list", json!({}))
            .header("origin", origin);
        assert_eq!(read(request).await.status, status, "{origin}");
    }
    let cors = super::world::builder()
        .with_mcp()
        .with_cors(tasks_web::Cors::origins(["https://app.example"]));
    let world = World::of(cors).await;
    let request = world.client().request("tools/list", json!({}));
    assert_eq!(
        read(request.header("origin", "https://app.example"))
            .await
            .status,
        200
    );
    // A page may have led its own name here: it is one that the service is known by, or another's.
    let world = World::new().await;
    let rebound = |world: &World| {
        let request = world.client().request("tools/list", json!({}));
        request
            .header("host", "lamps.example")
            .header("origin", "http://lamps.example")
    };
    assert_eq!(read(rebound(&world)).await.status, 403);
    let known = World::of(
        super::world::builder()
            .with_mcp()
            .allowed_hosts(["lamps.example"]),
    )
    .await;
    assert_eq!(read(rebound(&known)).await.status, 200);
}

/// The answer to a list may be kept: by whom, depends on whether keys are asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_say_how_long_they_count() {
    let world = World::new().await;
    let client = world.client();
    for method in ["tools/list", "prompts/list", "resources/templates/list"] {
        let answer = client.send(method, json!({})).await;
        let result = answer.result();
        assert_eq!(
            (&result["ttlMs"], &result["cacheScope"]),
            (&json!(300_000), &json!("public"))
        );
        assert_eq!(result.get("nextCursor"), None);
    }
    let answer = client
        .clone()
        .version("2025-11-25")
        .send("tools/list", json!({}))
        .await;
    assert_eq!(answer.result().get("ttlMs"), None);
}
