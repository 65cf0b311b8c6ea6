//! The served OpenAPI document: valid by the judgement of others, and true.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::OnceLock;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use serde_json::{Value, json};
use tasks_tests::process::Server;
use tasks_tests::{http, openapi};

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("task-execution", [("RUST_LOG", "warn")]).unwrap())
}

async fn document(query: &str) -> Value {
    let (status, document) = http::get(&server().url(&format!("/openapi.json{query}")))
        .await
        .unwrap();
    assert_eq!(status, StatusCode::OK);
    document
}

fn assert_valid(document: &Value) {
    if let Err(errors) = openapi::validate(document) {
        panic!("{}", errors.join("\n"));
    }
}

/// A validator for a schema of the document.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    // The references lead into the document, so the schema becomes a part of it.
    let mut root = json!({"components": document["components"]});
    root["allOf"] = json!([schema]);
    jsonschema::validator_for(&root).unwrap()
}

fn assert_fits(document: &Value, schema: &Value, value: &Value) {
    let validator = validator(document, schema);
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(
        errors.is_empty(),
        "{value}\n{}\n{schema}",
        errors.join("\n")
    );
}

#[tokio::test]
async fn both_versions_are_valid() {
    let newer = document("").await;
    assert_eq!(newer["openapi"], "3.1.1");
    assert_valid(&newer);
    assert!(newer.get("jsonSchemaDialect").is_none());
    let older = document("?version=3.0").await;
    assert_eq!(older["openapi"], "3.0.4");
    assert_valid(&older);
    assert_eq!(document("?version=3.1").await, newer);
    let (status, problem) = http::get(&server().url("/openapi.json?version=2"))
        .await
        .unwrap();
    assert_eq!(
        (status, &problem["type"]),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            &json!("urn:tasks:problem:invalid-query")
        )
    );
}

/// Those of artifacts, too, and every default may be sent.
#[tokio::test]
async fn both_versions_of_a_service_with_artifacts_are_valid() {
    let environment = [("RUST_LOG", "warn"), ("DATABASE_URL", "sqlite::memory:")];
    let server = Server::start("artifact-service", environment).unwrap();
    for version in ["3.1", "3.0"] {
        let url = server.url(&format!("/openapi.json?version={version}"));
        let (_, document) = http::get(&url).await.unwrap();
        assert_valid(&document);
        for name in ["ArtifactIn", "ArtifactChange"] {
            let id = &document["components"]["schemas"][name]["properties"]["id"];
            assert_eq!(id["type"], "string", "{id}");
            assert!(id.get("default").is_none(), "{id}");
        }
    }
}

#[tokio::test]
async fn it_is_cached_and_read_only() {
    let client = http::client().unwrap();
    let first = client
        .get(server().url("/openapi.json"))
        .send()
        .await
        .unwrap();
    let again = client
        .get(server().url("/openapi.json"))
        .header(IF_NONE_MATCH, &first.headers()[ETAG])
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    let refused = client
        .post(server().url("/openapi.json"))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(refused.headers()[CONTENT_TYPE], "application/problem+json");
}

/// Compressed for who asks for it: what is the same is the same, and has a tag of its own.
#[tokio::test]
async fn it_is_compressed_on_request() {
    let client = http::client().unwrap();
    let get = async |accept: Option<&str>, tag: Option<&str>| {
        let mut request = client.get(server().url("/openapi.json"));
        for (name, value) in [("accept-encoding", accept), ("if-none-match", tag)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["vary"], "accept-encoding");
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let (tag, encoding, status) = (
            header("etag").unwrap(),
            header("content-encoding"),
            response.status().as_u16(),
        );
        (status, encoding, tag, response.bytes().await.unwrap())
    };
    let (_, none, plain_tag, plain) = get(None, None).await;
    assert_eq!(none, None);
    for accept in ["gzip", "deflate, gzip;q=0.5, br", "gzip, deflate, br, zstd"] {
        let (status, encoding, tag, compressed) = get(Some(accept), None).await;
        assert_eq!(
            (status, encoding.as_deref()),
            (200, Some("gzip")),
            "{accept}"
        );
        assert_ne!(tag, plain_tag);
        assert!(
            compressed.len() * 5 < plain.len(),
            "{} of {}",
            compressed.len(),
            plain.len()
        );
        let mut read = Vec::new();
        std::io::Read::read_to_end(
            &mut flate2::read::GzDecoder::new(&compressed[..]),
            &mut read,
        )
        .unwrap();
        assert_eq!(read, plain);
        assert_eq!(get(Some(accept), Some(&tag)).await.0, 304);
    }
    for accept in ["identity", "gzip;q=0", "br"] {
        let (status, encoding, tag, body) = get(Some(accept), None).await;
        assert_eq!(
            (status, encoding, tag, body),
            (200, None, plain_tag.clone(), plain.clone()),
            "{accept}"
        );
    }
    // What the operations have in common is there once: not nine kilobytes for each task.
    let tasks = http::get(&server().url("/api/v1/tasks"))
        .await
        .unwrap()
        .1
        .as_array()
        .unwrap()
        .len();
    assert!(
        plain.len() < tasks * 5_000,
        "{} for {tasks} tasks",
        plain.len()
    );
}

#[tokio::test]
async fn every_task_has_its_operation() {
    let document = document("").await;
    let (_, tasks) = http::get(&server().url("/api/v1/tasks")).await.unwrap();
    for task in tasks.as_array().unwrap() {
        let name = task["name"].as_str().unwrap();
        let operation = &document["paths"][format!("/api/v1/tasks/{name}/$execute")]["post"];
        assert_eq!(operation["operationId"], format!("execute_{name}"));
        assert_eq!(operation["x-task"]["signature"], task["signature"]);
        assert_eq!(operation["x-task"]["parameters"], task["parameters"]);
        assert_eq!(operation["x-task"]["tags"], task["tags"]);
        assert_eq!(operation["tags"], json!([task["tags"][0]]));
        let text = operation["description"].as_str().unwrap();
        assert!(
            text.contains(&format!(
                "**Signature:** `{}`",
                task["signature"].as_str().unwrap()
            )),
            "{text}"
        );
        for parameter in task["parameters"].as_array().unwrap() {
            let from = if parameter["injected"] == true {
                "injected"
            } else {
                "request, "
            };
            assert!(
                text.contains(&format!("| `{}` |", parameter["name"].as_str().unwrap()))
                    && text.contains(from),
                "{text}"
            );
        }
        for status in ["200", "400", "404", "413", "415", "422", "429", "503"] {
            assert!(
                operation["responses"][status].is_object(),
                "{name} {status}"
            );
        }
    }
    let greet = &document["paths"]["/api/v1/tasks/greet_user/$execute"]["post"];
    assert_eq!(greet["summary"], "Simple task that returns a greeting.");
    // Two lines in the source.
    assert_eq!(
        document["paths"]["/api/v1/tasks/weather_summary/$execute"]["post"]["summary"],
        "The weather of Seattle in one year, or in one month of it: means by month, the wettest day, the share of \
         each kind of weather."
    );
    let params =
        &greet["requestBody"]["content"]["application/json"]["schema"]["properties"]["params"];
    // All of them may be left out, so they may be null as a whole.
    assert_eq!(params["anyOf"][1], json!({"type": "null"}));
    assert_eq!(
        params["anyOf"][0]["properties"]["name"],
        json!({"type": "string", "description": "Who to greet.", "default": "World", "examples": ["Ada"]})
    );
    let backup = &document["paths"]["/api/v1/tasks/backup_database/$execute"]["post"];
    let url = &backup["requestBody"]["content"]["application/json"]["schema"]["properties"]["params"]
        ["properties"]["database_url"];
    assert_eq!(
        (&url["format"], &url["writeOnly"]),
        (&json!("password"), &json!(true))
    );
    let titles: Vec<&Value> = document["components"]["schemas"]["Report"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| &followed(&document, variant)["title"])
        .collect();
    assert_eq!(titles, ["ReportSuccess", "ReportError"]);
}

/// The examples of requests fit their schemas and are accepted; the answers fit theirs.
#[tokio::test]
async fn the_examples_are_true() {
    let document = document("").await;
    let mut executed = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(operation) = item.get("post") else {
            continue;
        };
        // That of any task: `$validate`.
        if path.contains("{name}") {
            continue;
        }
        let media = &operation["requestBody"]["content"]["application/json"];
        let example = media
            .get("example")
            .unwrap_or_else(|| panic!("{path} has no example"));
        assert_fits(&document, &media["schema"], example);
        // A backup command of an example needs a database that is not there: the envelope then says so.
        let (status, answer) = http::post(&server().url(path), example).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path} {answer}");
        assert_fits(
            &document,
            &operation["responses"]["200"]["content"]["application/json"]["schema"],
            &answer,
        );
        executed += 1;
    }
    assert!(executed >= 19, "{executed}");

    let execute = &document["paths"]["/api/v1/tasks/add/$execute"]["post"];
    let add = server().url("/api/v1/tasks/add/$execute");
    let (status, problem) = http::post(&add, &json!({"params": {"a": "x"}}))
        .await
        .unwrap();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        execute["responses"]["422"],
        json!({"$ref": "#/components/responses/Problem422"})
    );
    assert_fits(
        &document,
        &document["components"]["responses"]["Problem422"]["content"]["application/problem+json"]["schema"],
        &problem,
    );

    for (path, url) in [
        ("/api/v1/tasks", "/api/v1/tasks"),
        ("/api/v1/tasks/{name}", "/api/v1/tasks/add"),
    ] {
        let (_, answer) = http::get(&server().url(url)).await.unwrap();
        let schema = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
            ["schema"];
        assert_fits(&document, schema, &answer);
    }
}

/// What a schema refuses, the server refuses: the schemas of `TaskInfo` stand alone.
#[tokio::test]
async fn the_schemas_of_a_task_stand_alone() {
    let (_, tasks) = http::get(&server().url("/api/v1/tasks")).await.unwrap();
    for task in tasks.as_array().unwrap() {
        let input = jsonschema::validator_for(&task["input_schema"]).unwrap();
        assert!(!input.is_valid(&json!({"no such parameter": 1})), "{task}");
        jsonschema::validator_for(&task["output_schema"]).unwrap();
    }
}

async fn odd_documents() -> (tasks_tests::app::Running, Value, Value) {
    let app = tasks_tests::odd::serve();
    let newer = http::get(&app.url("/openapi.json")).await.unwrap().1;
    let older = http::get(&app.url("/openapi.json?version=3.0"))
        .await
        .unwrap()
        .1;
    (app, newer, older)
}

/// Whatever serde can do, the document is valid in both versions.
#[tokio::test]
async fn odd_types_are_described() {
    let (_app, newer, older) = odd_documents().await;
    assert_valid(&newer);
    assert_valid(&older);
    let text = older.to_string();
    for keyword in [
        "prefixItems",
        "patternProperties",
        "\"const\"",
        "\"type\":[",
    ] {
        assert!(!text.contains(keyword), "{keyword}: {older:#}");
    }
    let everything = &older["components"]["schemas"]["Everything"]["properties"];
    assert_eq!(
        everything["none"],
        json!({"type": "array", "maxItems": 0, "items": {}})
    );
    assert_eq!(
        everything["by_number"]["additionalProperties"],
        json!({"type": "array", "items": {"type": "string"}})
    );
    assert_eq!(everything["maybe_any"], json!({}));
    assert_eq!(
        newer["components"]["schemas"]["Everything"]["properties"]["any"],
        json!({})
    );
    let params = |task: &str| {
        let operation = &newer["paths"][format!("/tasks/{task}/$execute")]["post"];
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        let params = &body["properties"]["params"];
        params.get("anyOf").map_or(params, |either| &either[0])["properties"].clone()
    };
    assert_eq!(params("a_b")["data"], json!({}));
    // The time is another one in each call; a duration is not.
    assert!(params("at")["time"].get("default").is_none());
    assert_eq!(
        params("at")["wait"]["default"],
        json!({"secs": 5, "nanos": 0})
    );
    let id = |task: &str| {
        newer["paths"][format!("/tasks/{task}/$execute")]["post"]["operationId"]
            .as_str()
            .unwrap()
            .replace('-', "_")
    };
    assert_ne!(id("a_b"), id("a-b"));
}

/// Types of one name, told apart by where they are.
mod shop {
    pub(super) mod billing {
        use schemars::JsonSchema;
        use serde::{Deserialize, Serialize};
        use tasks_web::prelude::*;

        #[derive(Serialize, Deserialize, JsonSchema)]
        pub(in super::super) struct Item {
            price: u32,
        }

        #[derive(Serialize, Deserialize, JsonSchema)]
        pub(in super::super) struct Order {
            items: Vec<Item>,
        }

        #[task(register = false)]
        pub(in super::super) async fn bill(order: Order) -> Item {
            let mut items = order.items;
            items.remove(0)
        }
    }

    pub(super) mod shipping {
        use schemars::JsonSchema;
        use serde::{Deserialize, Serialize};
        use tasks_web::prelude::*;

        #[derive(Serialize, Deserialize, JsonSchema)]
        pub(in super::super) struct Item {
            weight: u32,
        }

        #[derive(Serialize, Deserialize, JsonSchema)]
        pub(in super::super) struct Parcel {
            item: Option<Item>,
            next: Option<Box<Self>>,
        }

        #[task(register = false)]
        pub(in super::super) async fn ship(parcel: Parcel) -> Option<Parcel> {
            Some(parcel)
        }
    }
}

/// The schema that a value of the document leads to.
fn followed<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = schema.get("anyOf").map_or(schema, |either| &either[0]);
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// A list of something.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Page<T> {
    items: Vec<T>,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Tagged<T> {
    name: String,
    #[serde(skip)]
    #[schemars(skip)]
    _of: std::marker::PhantomData<T>,
}

#[tasks_web::task(register = false)]
async fn bills() -> Page<shop::billing::Item> {
    Page { items: Vec::new() }
}

#[tasks_web::task(register = false)]
async fn parcels() -> Option<Page<shop::shipping::Parcel>> {
    None
}

#[tasks_web::task(register = false)]
async fn weights() -> Page<shop::shipping::Item> {
    Page { items: Vec::new() }
}

#[tasks_web::task(register = false)]
async fn words() -> Page<Vec<String>> {
    Page { items: Vec::new() }
}

#[tasks_web::task(register = false)]
async fn tagged(left: bool) -> (Tagged<u8>, Option<Tagged<String>>) {
    let tag = |name: &str| name.to_owned();
    let one = Tagged {
        name: tag("a"),
        _of: std::marker::PhantomData,
    };
    (
        one,
        left.then(|| Tagged {
            name: tag("b"),
            _of: std::marker::PhantomData,
        }),
    )
}

/// A generic type is called by what it is of, whatever other ones there are.
#[test]
fn generic_types_are_named_by_what_they_are_of() {
    use tasks_web::{OpenApi, TaskExecutor, TaskRegistry, task};

    let names = |registry: tasks_web::RegistryBuilder| {
        let executor = TaskExecutor::builder(registry.build().unwrap());
        let scope = tasks_web::scope("/t", executor.build().unwrap());
        let api = OpenApi::new("x", "1").scope(&scope);
        let document = api.document();
        assert_valid(&document);
        assert_valid(&api.document_3_0());
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let names = schemas
            .keys()
            .filter(|name| name.contains("Page") || name.contains("Tagged"));
        let names: Vec<String> = names.cloned().collect();
        names
    };
    let one = TaskRegistry::builder().task(bills);
    assert_eq!(names(one), ["Page_Item"]);
    let two = TaskRegistry::builder()
        .task(words)
        .task(parcels)
        .task(bills);
    assert_eq!(names(two), ["Page_Item", "Page_Parcel", "Page_Vec_String"]);
    let clash = ["Page_Parcel", "Page_billing_Item", "Page_shipping_Item"];
    for (first, second) in [("a", "b"), ("b", "a")] {
        let three = TaskRegistry::builder()
            .task(task(bills).named(first))
            .task(task(weights).named(second))
            .task(parcels);
        assert_eq!(names(three), clash);
    }
    let same = TaskRegistry::builder().task(tagged);
    assert_eq!(names(same).first().map(String::as_str), Some("Tagged"));
}

#[test]
fn types_of_one_name_are_told_apart_by_their_modules() {
    use shop::{billing::bill, shipping::ship};
    use tasks_web::{OpenApi, TaskExecutor, TaskRegistry, task};

    let document = |bill_name: &'static str, ship_name: &'static str| {
        let registry = TaskRegistry::builder()
            .task(task(bill).named(bill_name))
            .task(task(ship).named(ship_name));
        let executor = TaskExecutor::builder(registry.build().unwrap())
            .build()
            .unwrap();
        let api = OpenApi::new("x", "1").scope(&tasks_web::scope("/t", executor));
        (api.document(), api.document_3_0())
    };
    let mut names = Vec::new();
    for (bill_name, ship_name) in [("a", "b"), ("b", "a")] {
        let (newer, older) = document(bill_name, ship_name);
        for document in [&newer, &older] {
            assert_valid(document);
        }
        let params = |task: &str| {
            newer["paths"][format!("/t/{task}/$execute")]["post"]["requestBody"]["content"]
                ["application/json"]["schema"]["properties"]["params"]["properties"]
                .clone()
        };
        let order = params(bill_name)["order"].clone();
        let item = &followed(&newer, &order)["properties"]["items"]["items"];
        assert_eq!(item["$ref"], "#/components/schemas/billing.Item");
        assert!(followed(&newer, item)["properties"]["price"].is_object());
        let parcel = params(ship_name)["parcel"].clone();
        let parcel = followed(&newer, &parcel);
        assert!(followed(&newer, &parcel["properties"]["next"])["properties"]["next"].is_object());
        let item = &parcel["properties"]["item"];
        assert_eq!(
            item["anyOf"][0]["$ref"],
            "#/components/schemas/shipping.Item"
        );
        assert!(followed(&newer, item)["properties"]["weight"].is_object());
        let schemas = newer["components"]["schemas"].as_object().unwrap();
        names.push(schemas.keys().cloned().collect::<Vec<_>>());
    }
    assert_eq!(names[0], names[1], "whatever the order of the tasks is");
    assert!(
        !names[0]
            .iter()
            .any(|name| name == "Item" || name.ends_with('2')),
        "{names:?}"
    );
}

#[test]
fn types_inside_of_functions_are_not_taken_for_each_other() {
    use tasks_web::{OpenApi, TaskExecutor, TaskRegistry};

    fn first(registry: tasks_web::RegistryBuilder) -> tasks_web::RegistryBuilder {
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        struct Found {
            one: u32,
        }
        registry.register_fn("first", ["x"], |(): ()| async {
            Ok::<_, String>(Found { one: 1 })
        })
    }
    fn second(registry: tasks_web::RegistryBuilder) -> tasks_web::RegistryBuilder {
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        struct Found {
            two: u32,
        }
        registry.register_fn("second", ["x"], |(): ()| async {
            Ok::<_, String>(Found { two: 2 })
        })
    }
    let registry = second(first(TaskRegistry::builder())).build().unwrap();
    let executor = TaskExecutor::builder(registry).build().unwrap();
    let api = OpenApi::new("x", "1").scope(&tasks_web::scope("/t", executor));
    let document = api.document();
    for (task, field) in [("first", "one"), ("second", "two")] {
        let result = &document["paths"][format!("/t/{task}/$execute")]["post"]["responses"]["200"]
            ["content"]["application/json"]["schema"]["properties"]["result"];
        assert_eq!(
            result["anyOf"][0]["$ref"],
            format!("#/components/schemas/{task}.Found")
        );
        assert!(followed(&document, result)["properties"][field].is_object());
    }
}
