//! Schemas of tools are in the subset that common clients and models take, whatever tasks take.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks_tests::odd;
use tasks_web::mcp::Mcp;
use tasks_web::prelude::*;

use super::world::{World, builder};

/// What is wrong with the schema of arguments, for the clients that are known: the reports are in the decision about the server.
fn check(schema: &Value, at: &str, wrong: &mut Vec<String>) {
    let Some(members) = schema.as_object() else {
        wrong.push(format!("{at}: no object"));
        return;
    };
    if members.is_empty() {
        wrong.push(format!("{at}: empty"));
    }
    // Kiro, Codex, Copilot, Moonshot; Visual Studio Code; Anthropic and Gemini.
    for keyword in [
        "$ref",
        "$defs",
        "$schema",
        "oneOf",
        "allOf",
        "not",
        "if",
        "then",
        "else",
        "const",
        "prefixItems",
        "patternProperties",
        "propertyNames",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "nullable",
        "unevaluatedProperties",
        "dependentRequired",
    ] {
        if members.contains_key(keyword) {
            wrong.push(format!("{at}: {keyword}"));
        }
    }
    if let Some(extension) = members.keys().find(|key| key.starts_with("x-")) {
        wrong.push(format!("{at}: {extension}"));
    }
    if members.get("type").is_some_and(Value::is_array) {
        wrong.push(format!("{at}: a list of types"));
    }
    if members
        .get("format")
        .is_some_and(|format| format != "date-time")
    {
        wrong.push(format!("{at}: format {}", members["format"]));
    }
    if members.get("type") == Some(&json!("array")) && !members.contains_key("items") {
        wrong.push(format!("{at}: an array without items"));
    }
    for (name, property) in members
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            wrong.push(format!("{at}: the name {name}"));
        }
        check(property, &format!("{at}/{name}"), wrong);
    }
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            ("items", Value::Object(_)) => check(value, &format!("{at}/items"), wrong),
            ("additionalProperties", Value::Object(_)) => check(value, &format!("{at}/*"), wrong),
            ("anyOf", Value::Array(list)) => {
                for (index, variant) in list.iter().enumerate() {
                    check(variant, &format!("{at}/anyOf/{index}"), wrong);
                }
            }
            _ => {}
        }
    }
}

async fn check_tools(service: tasks_web::ServiceBuilder) -> usize {
    let world = World::of(service).await;
    let tools = world.client().tools().await;
    let registry = world.service.executor().registry();
    for tool in &tools {
        let name = tool["name"].as_str().unwrap();
        let schema = &tool["inputSchema"];
        let mut wrong = Vec::new();
        check(schema, "", &mut wrong);
        assert_eq!(schema["type"], "object", "{name}");
        assert!(schema["properties"].is_object(), "{name}: {schema}");
        for keyword in ["anyOf", "oneOf", "allOf", "not", "enum"] {
            assert_eq!(schema.get(keyword), None, "{name}: {schema}");
        }
        assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{schema:#}");
        assert!(jsonschema::meta::is_valid(schema), "{name}: {schema}");
        jsonschema::draft202012::new(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Some(output) = tool.get("outputSchema") {
            jsonschema::draft202012::new(output).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!output.to_string().contains("\"$ref\""), "{name}: {output}");
        }
        // An example that fits the task fits the tool.
        let Ok(info) = registry.info(name) else {
            continue;
        };
        for (parameter, property) in info.input_schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
        {
            for example in property["examples"].as_array().into_iter().flatten() {
                let own = &schema["properties"][parameter];
                let validator = jsonschema::draft202012::new(own).unwrap();
                assert!(
                    validator.is_valid(example),
                    "{name}/{parameter}: {example} {own}"
                );
            }
        }
    }
    tools.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_tasks_here() {
    assert_eq!(check_tools(builder().with_mcp()).await, 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_examples() {
    let service = Service::builder(ServiceInfo::new("examples", "Examples"))
        .with_tasks(task_execution::registry().unwrap())
        .with_jobs(Jobs::new())
        .configure_executor(tasks_web::ExecutorBuilder::skip_unprovided)
        .with_mcp_settings(Mcp::new());
    assert!(check_tools(service).await > 10);
}

/// A struct in a variant.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Square {
    side: u32,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Drawn {
    Square(Square),
    Dot,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Parts {
    by_number: std::collections::BTreeMap<u32, Vec<String>>,
    drawn: Drawn,
    maybe: Option<Option<u8>>,
    pair: (u8, String),
}

/// Takes and gives what schemas have several ways to say.
#[task(register = false)]
async fn many_ways(parts: Parts) -> Parts {
    parts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fits_the_task_fits_the_tool() {
    let service = Service::builder(ServiceInfo::new("ways", "Ways"))
        .with_tasks(TaskRegistry::builder().task(many_ways).build().unwrap())
        .with_mcp();
    let world = World::of(service).await;
    let client = world.client();
    let tool = client.tools().await.remove(0);
    let value = json!({
        "by_number": {"1": ["a"], "20": []}, "drawn": {"kind": "Square", "side": 3}, "maybe": null, "pair": [1, "b"],
    });
    let input = jsonschema::draft202012::new(&tool["inputSchema"]).unwrap();
    // What may be left out needs no `null`, which models write as a text.
    let mut sent = value.clone();
    sent.as_object_mut().unwrap().remove("maybe");
    assert!(input.is_valid(&json!({"parts": sent})), "{tool:#}");
    // The tag of a variant is not lost.
    let drawn = tool["inputSchema"]["properties"]["parts"]["properties"]["drawn"].to_string();
    assert!(
        drawn.contains("\"Square\"") && drawn.contains("\"side\""),
        "{drawn}"
    );
    let result = client.call("many_ways", json!({"parts": value})).await;
    assert_eq!(result["isError"], false, "{result}");
    let output = jsonschema::draft202012::new(&tool["outputSchema"]).unwrap();
    assert!(
        output.is_valid(&result["structuredContent"]),
        "{tool:#} {result}"
    );
}

/// Types of all kinds, as far as serde and schemars can describe them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_odd_types() {
    let service = Service::builder(ServiceInfo::new("odd", "Odd"))
        .with_tasks(odd::registry())
        .with_mcp();
    assert!(check_tools(service).await > 3);
}
