//! Resources, prompts and completion.

use serde_json::{Value, json};
use tasks_web::mcp::{Content, Mcp};
use tasks_web::prelude::*;

use super::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_and_artifacts_are_resources() {
    let own = Content::text_resource("rules://lamps", "Switch them off.", "text/plain");
    let world = World::with(Mcp::new().resource(own)).await;
    let client = world.client();
    let artifacts = world.service.artifacts().unwrap();
    let json = artifacts
        .save(NewArtifact::json(json!({"a": 1})))
        .await
        .unwrap();
    let note = NewArtifact::bytes("a note", "text/plain").file_name("note.txt");
    let note = artifacts.save(note).await.unwrap();
    let bytes = artifacts
        .save(NewArtifact::bytes(vec![0_u8, 255], "image/png"))
        .await
        .unwrap();
    let large = artifacts
        .save(NewArtifact::bytes(
            vec![b'x'; 2 * 1024 * 1024],
            "text/plain",
        ))
        .await
        .unwrap();

    let answer = client.send("resources/list", json!({})).await;
    let listed = answer.result()["resources"].as_array().unwrap().clone();
    let of = |uri: &str| {
        listed
            .iter()
            .find(|it| it["uri"] == uri)
            .unwrap_or_else(|| panic!("{uri}: {listed:?}"))
    };
    assert_eq!(of("rules://lamps")["mimeType"], "text/plain");
    assert_eq!(of("tasks://openapi.json")["mimeType"], "application/json");
    assert_eq!(of("tasks://tasks/find_lamp")["mimeType"], "text/markdown");
    let listed_note = of(&format!("artifact://{}", note.id)).clone();
    assert_eq!(
        (&listed_note["name"], &listed_note["size"]),
        (&json!("note.txt"), &json!(6))
    );

    let read = async |uri: &str| {
        let answer = client.send("resources/read", json!({"uri": uri})).await;
        match answer.json.get("error") {
            Some(error) => Err(error["message"].as_str().unwrap().to_owned()),
            None => Ok(answer.result()["contents"][0].clone()),
        }
    };
    assert_eq!(
        read("rules://lamps").await.unwrap()["text"],
        "Switch them off."
    );
    let document = read("tasks://openapi.json").await.unwrap();
    let document: Value = serde_json::from_str(document["text"].as_str().unwrap()).unwrap();
    assert_eq!(document["openapi"], "3.1.1");
    let page = read("tasks://tasks/find_lamp").await.unwrap();
    let page = page["text"].as_str().unwrap();
    for part in [
        "# find_lamp",
        "(name: String) ->",
        "Finds a lamp.",
        "unknown-lamp",
        "## Arguments",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(
        read(&format!("artifact://{}", json.id)).await.unwrap()["text"],
        r#"{"a":1}"#
    );
    assert_eq!(
        read(&format!("artifact://{}", note.id)).await.unwrap()["text"],
        "a note"
    );
    assert_eq!(
        read(&format!("artifact://{}", bytes.id)).await.unwrap()["blob"],
        "AP8="
    );
    let refused = read(&format!("artifact://{}", large.id)).await.unwrap_err();
    assert!(
        refused.contains("2097152 bytes") && refused.contains("/1048576"),
        "{refused}"
    );
    let part = read(&format!("artifact://{}/2097150", large.id))
        .await
        .unwrap();
    assert_eq!(part["text"], "xx");
    assert_eq!(
        read(&format!("artifact://{}/0", note.id)).await.unwrap()["text"],
        "a note"
    );
    let refused = read(&format!("artifact://{}/6", note.id))
        .await
        .unwrap_err();
    assert!(refused.contains("there are 6"), "{refused}");
    for uri in [
        "artifact://no-id",
        "artifact://01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "tasks://tasks/no-task",
        "file:///etc/passwd",
        "",
    ] {
        let refused = read(uri).await.unwrap_err();
        assert!(
            refused.starts_with("there is no resource"),
            "{uri}: {refused}"
        );
    }
    let answer = client.send("resources/templates/list", json!({})).await;
    let templates = answer.result()["resourceTemplates"]
        .as_array()
        .unwrap()
        .clone();
    let uris: Vec<&str> = templates
        .iter()
        .map(|it| it["uriTemplate"].as_str().unwrap())
        .collect();
    assert_eq!(
        uris,
        [
            "tasks://tasks/{name}",
            "artifact://{id}",
            "artifact://{id}/{offset}"
        ]
    );
    // What is no tool is no resource either.
    assert!(!listed.iter().any(|it| it["uri"] == "tasks://tasks/hidden"));
    assert!(read("tasks://tasks/hidden").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prompts_are_tasks_that_write_messages() {
    let world = World::new().await;
    let client = world.client();
    let answer = client.send("prompts/list", json!({})).await;
    assert_eq!(
        answer.result()["prompts"],
        json!([{
            "name": "poem", "title": "Poem", "description": "Asks for a poem.",
            "arguments": [
                {"name": "topic", "required": true, "description": "What it is about."},
                {"name": "lines", "required": false, "description": "How many lines."},
                {"name": "mood", "required": false, "description": "In which mood."},
            ],
        }])
    );
    // Arguments of prompts are texts.
    let arguments = json!({"topic": "tea", "lines": "3", "mood": "grim"});
    let answer = client
        .send(
            "prompts/get",
            json!({"name": "poem", "arguments": arguments}),
        )
        .await;
    assert_eq!(
        answer.result()["messages"],
        json!([{"role": "user", "content": {"type": "text", "text": "Write a grim poem of 3 lines about tea."}}])
    );
    let arguments = json!({"lines": "100"});
    let answer = client
        .send(
            "prompts/get",
            json!({"name": "poem", "arguments": arguments}),
        )
        .await;
    let (_, code, message) = answer.error();
    assert_eq!(code, -32602);
    assert!(
        message.contains("/topic") && message.contains("/lines"),
        "{message}"
    );
    let answer = client
        .send("prompts/get", json!({"name": "find_lamp"}))
        .await;
    assert_eq!(answer.error().1, -32602);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_of_prompts_and_templates_are_completed() {
    let world = World::new().await;
    let client = world.client();
    let complete = async |reference: Value, name: &str, value: &str| {
        let argument = json!({"name": name, "value": value});
        let answer = client
            .send(
                "completion/complete",
                json!({"ref": reference, "argument": argument}),
            )
            .await;
        answer.result()["completion"].clone()
    };
    let poem = json!({"type": "ref/prompt", "name": "poem"});
    assert_eq!(
        complete(poem.clone(), "mood", "G").await["values"],
        json!(["glad", "grim"])
    );
    assert_eq!(
        complete(poem.clone(), "mood", "gr").await["values"],
        json!(["grim"])
    );
    assert_eq!(
        complete(poem.clone(), "topic", "t").await["values"],
        json!([])
    );
    assert_eq!(complete(poem, "no-argument", "").await["values"], json!([]));
    let tasks = json!({"type": "ref/resource", "uri": "tasks://tasks/{name}"});
    assert_eq!(
        complete(tasks, "name", "sw").await["values"],
        json!(["switch_lamps"])
    );
    for wrong in [
        json!({"ref": {"type": "ref/prompt", "name": "no-prompt"}, "argument": {"name": "a", "value": ""}}),
        json!({"ref": {"type": "ref/resource", "uri": "no://{template}"}, "argument": {"name": "a", "value": ""}}),
        json!({"ref": {"type": "ref/prompt"}, "argument": {"name": "a", "value": ""}}),
        json!({"ref": {"type": "ref/prompt", "name": "poem"}}),
        json!({}),
    ] {
        let answer = client.send("completion/complete", wrong).await;
        assert_eq!(answer.error().1, -32602);
    }
}
