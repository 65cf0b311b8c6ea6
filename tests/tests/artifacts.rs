//! Artifacts over HTTP, on both databases.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use reqwest::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderMap, IF_NONE_MATCH, IF_RANGE, LINK, LOCATION, RANGE,
};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tasks_tests::app::Running;
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_all_databases};
use tasks_web::artifacts::{ArtifactScope, ContentStore};
use tasks_web::prelude::*;

const NONE: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

/// Artifacts that are served, and a client of them.
struct Service {
    app: Running,
    manager: ArtifactManager,
    // Last: the database is gone after those that use it.
    _test: TestDatabase,
}

impl Service {
    async fn start(test: TestDatabase) -> Self {
        Self::with(test, |scope| scope).await
    }

    async fn with(
        test: TestDatabase,
        options: impl Fn(ArtifactScope) -> ArtifactScope + Clone + Send + 'static,
    ) -> Self {
        let database = Database::from_url(test.url()).connect().await.unwrap();
        let hierarchy = ArtifactHierarchy::new("experiments")
            .level(0, "experiment")
            .level(1, "run");
        let manager = ArtifactManager::builder(database)
            .hierarchy(hierarchy)
            .store(ContentStore::local(test.folder().join("content")))
            .build()
            .unwrap();
        let served = manager.clone();
        let app = Running::start(move |config| {
            let scope = tasks_web::artifacts("/api/v1/artifacts", served.clone());
            config.service(options(scope));
        });
        Self {
            app,
            manager,
            _test: test,
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.app.url(&format!("/api/v1/artifacts{path}"));
        http::client().unwrap().request(method, url)
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let response = self.request(method, path).json(body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        http::answer(self.request(Method::GET, path)).await.unwrap()
    }

    async fn create(&self, body: Value) -> Value {
        let (status, created) = self.json(Method::POST, "", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        created
    }

    /// Saves one, and gives its id.
    async fn save(&self, parent: Option<&str>) -> String {
        let created = self.create(json!({"data": {}, "parent_id": parent})).await;
        text(&created["id"])
    }

    async fn level(&self, id: &str) -> Value {
        self.get(&format!("/{id}")).await.1["level"].clone()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn header(headers: &HeaderMap, name: impl reqwest::header::AsHeaderName) -> String {
    headers.get(name).unwrap().to_str().unwrap().to_owned()
}

async fn an_artifact_is_saved_read_replaced_and_deleted(test: TestDatabase) {
    let service = Service::start(test).await;
    let response = service
        .request(Method::POST, "")
        .json(&json!({"data": {"accuracy": 0.95}, "metadata": {"model": "a"}, "tags": ["x", "y"]}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = header(response.headers(), LOCATION);
    let created: Value = response.json().await.unwrap();
    let id = text(&created["id"]);
    assert_eq!(location, format!("/api/v1/artifacts/{id}"));
    let keys: Vec<&String> = created.as_object().unwrap().keys().collect();
    let expected = [
        "id",
        "created_at",
        "updated_at",
        "tags",
        "data",
        "metadata",
        "content_type",
        "file_name",
        "size",
        "parent_id",
        "level",
    ];
    assert_eq!(keys, expected);
    assert_eq!(created["data"], json!({"accuracy": 0.95}));
    assert_eq!(created["level"], 0);
    for null in ["content_type", "size", "parent_id", "file_name"] {
        assert_eq!(created[null], Value::Null);
    }
    // RFC 3339 in UTC with microseconds.
    let time = text(&created["created_at"]);
    assert!(time.len() == 27 && time.ends_with('Z'), "{time}");

    let path = format!("/{id}");
    assert_eq!(service.get(&path).await, (StatusCode::OK, created.clone()));
    assert_eq!(
        service.get(&format!("{path}/$metadata")).await.1,
        json!({"model": "a"})
    );

    let (status, updated) = service
        .json(
            Method::PUT,
            &path,
            &json!({"data": [1, 2], "tags": ["z"], "metadata": {}}),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{updated}");
    assert_eq!(updated["data"], json!([1, 2]));
    assert_eq!(updated["tags"], json!(["z"]));
    assert_eq!(updated["metadata"], json!({}));
    assert_eq!(updated["created_at"], created["created_at"]);
    assert!(text(&updated["updated_at"]) > text(&created["updated_at"]));

    let response = service.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(response.headers().get(CONTENT_TYPE).is_none());
    for method in [Method::GET, Method::DELETE] {
        let (status, problem) = http::answer(service.request(method, &path)).await.unwrap();
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(problem["type"], "urn:tasks:problem:unknown-artifact");
        assert!(text(&problem["detail"]).contains(&id));
    }
    assert_eq!(service.get("/$stats").await.1, json!({"total": 0}));
}

async fn what_was_read_may_be_sent_back_and_nothing_is_lost_silently(test: TestDatabase) {
    let service = Service::start(test).await;
    let parent = service.save(None).await;
    let body = json!({"data": {"n": 1}, "parent_id": parent, "tags": ["x"], "metadata": {"a": {"b": 1, "c": 2}}});
    let created = service.create(body).await;
    let path = format!("/{}", text(&created["id"]));

    let (status, same) = service.json(Method::PUT, &path, &created).await;
    assert_eq!(status, StatusCode::OK, "{same}");
    let mut expected = created.clone();
    expected["updated_at"] = same["updated_at"].clone();
    assert_eq!(same, expected);

    let (status, problem) = service.json(Method::PUT, &path, &json!({"data": 2})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let pointers: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/parent_id", "/metadata", "/tags"]);
    let mut other = same.clone();
    other["level"] = json!(7);
    let (status, problem) = service.json(Method::PUT, &path, &other).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        text(&problem["detail"]).contains("/level: read-only, and it is 1"),
        "{problem}"
    );

    let patch = async |body: Value| {
        let request = service
            .request(Method::PATCH, &path)
            .header(CONTENT_TYPE, "application/merge-patch+json")
            .body(body.to_string());
        http::answer(request).await.unwrap()
    };
    let (status, patched) = patch(json!({"metadata": {"a": {"b": null}, "d": 3}})).await;
    assert_eq!(status, StatusCode::OK, "{patched}");
    assert_eq!(patched["metadata"], json!({"a": {"c": 2}, "d": 3}));
    for name in ["data", "tags", "parent_id", "level", "id", "created_at"] {
        assert_eq!(patched[name], created[name], "{name}");
    }
    let (_, patched) = patch(json!({"data": {"m": 2}, "parent_id": null, "tags": null})).await;
    assert_eq!(patched["data"], json!({"n": 1, "m": 2}));
    assert_eq!(
        (&patched["parent_id"], &patched["level"]),
        (&Value::Null, &json!(0))
    );
    assert_eq!(patched["tags"], json!([]));
    let (status, _) = patch(json!({"colour": 1})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);

    // Bytes stay.
    let (_, bytes) = http::answer(service.request(Method::POST, "/$upload").body("abc"))
        .await
        .unwrap();
    let path = format!("/{}", text(&bytes["id"]));
    let (status, kept) = service
        .json(Method::PATCH, &path, &json!({"tags": ["y"]}))
        .await;
    assert_eq!(
        (status, &kept["size"]),
        (StatusCode::OK, &json!(3)),
        "{kept}"
    );
    let (status, kept) = service.json(Method::PUT, &path, &kept).await;
    assert_eq!(
        (status, &kept["size"]),
        (StatusCode::OK, &json!(3)),
        "{kept}"
    );
    // And are not replaced by JSON unless that is meant.
    for method in [Method::PUT, Method::PATCH] {
        let body = json!({"data": 1, "tags": ["y"]});
        let (status, problem) = service.json(method, &path, &body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], "/data", "{problem}");
    }
    assert_eq!(service.get(&path).await.1["size"], 3);
    let meant = json!({"data": 1, "tags": ["y"], "content_type": null, "file_name": null});
    let (status, replaced) = service.json(Method::PUT, &path, &meant).await;
    assert_eq!(status, StatusCode::OK, "{replaced}");
    assert_eq!(
        (&replaced["data"], &replaced["content_type"]),
        (&json!(1), &Value::Null)
    );
    let (_, bytes) = http::answer(service.request(Method::POST, "/$upload").body("abc"))
        .await
        .unwrap();
    let path = format!("/{}", text(&bytes["id"]));
    let meant = json!({"data": {"a": 1}, "content_type": null});
    let (status, replaced) = service.json(Method::PATCH, &path, &meant).await;
    assert_eq!(
        (status, &replaced["data"]),
        (StatusCode::OK, &json!({"a": 1}))
    );
    // Of JSON there is nothing to give up.
    let (status, same) = service.json(Method::PUT, &path, &meant).await;
    assert_eq!(status, StatusCode::OK, "{same}");
}

/// Of two members of one name a reader takes one, and what was meant by the other is lost.
async fn members_that_are_given_twice_are_refused_where_they_are_read(test: TestDatabase) {
    let service = Service::start(test).await;
    let id = service.save(None).await;
    let send = async |method: Method, path: &str, body: &str| {
        let request = service.request(method, path);
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_owned());
        http::answer(request).await.unwrap()
    };
    let path = format!("/{id}");
    let metadata = r#"{"data": 1, "metadata": {"a": [{"b": 1, "b": 2}], "a": 3}}"#;
    for (method, path) in [
        (Method::POST, ""),
        (Method::PUT, path.as_str()),
        (Method::PATCH, path.as_str()),
    ] {
        let (status, problem) = send(method, path, metadata).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        let pointers: Vec<String> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| text(&error["pointer"]))
            .collect();
        assert_eq!(pointers, ["/metadata/a/0/b", "/metadata/a"], "{problem}");
    }
    let data = r#"{"data": {"a": {"b": 1, "b": 2}}}"#;
    let (status, problem) = send(Method::PATCH, &path, data).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/data/a/b"))
    );
    let form = Form::new()
        .part("file", Part::bytes(content(10)))
        .text("metadata", r#"{"a": 1, "a": 2}"#);
    let form = service.request(Method::POST, "/$upload").multipart(form);
    let (status, problem) = http::answer(form).await.unwrap();
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/metadata/a"))
    );
    // Data are a text that comes back as it came.
    let (status, _) = send(Method::POST, "", data).await;
    assert_eq!(status, StatusCode::CREATED);
}

async fn changes_may_have_conditions(test: TestDatabase) {
    let service = Service::start(test).await;
    let created = service
        .request(Method::POST, "")
        .json(&json!({"data": 1}))
        .send()
        .await
        .unwrap();
    let first = header(created.headers(), ETAG);
    let created: Value = created.json().await.unwrap();
    let path = format!("/{}", text(&created["id"]));
    let read = service.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(header(read.headers(), ETAG), first);
    let put = async |name: &str, value: &str, data: i64| {
        let request = service
            .request(Method::PUT, &path)
            .header(name, value)
            .json(&json!({"data": data}));
        let response = request.send().await.unwrap();
        let etag = response
            .headers()
            .get(ETAG)
            .map(|etag| etag.to_str().unwrap().to_owned());
        (response.status(), etag)
    };
    let (status, second) = put("if-match", &first, 2).await;
    assert_eq!(status, StatusCode::OK);
    let second = second.unwrap();
    assert_ne!(first, second);
    for (name, value) in [
        ("if-match", first.clone()),
        // Weak tags say nothing about the bytes.
        ("if-match", format!("W/{second}")),
        ("if-none-match", second.clone()),
        ("if-none-match", format!("{first}, W/{second}")),
        ("if-none-match", "*".to_owned()),
    ] {
        let (status, _) = put(name, &value, 3).await;
        assert_eq!(status, StatusCode::PRECONDITION_FAILED, "{name}: {value}");
        for method in [Method::DELETE, Method::PATCH] {
            let mut request = service.request(method.clone(), &path).header(name, &value);
            if method == Method::PATCH {
                request = request.json(&json!({"data": 3}));
            }
            let (status, problem) = http::answer(request).await.unwrap();
            assert_eq!(status, StatusCode::PRECONDITION_FAILED, "{name}: {value}");
            assert_eq!(problem["type"], "urn:tasks:problem:precondition-failed");
        }
    }
    assert_eq!(service.get(&path).await.1["data"], 2);
    let list = format!("\"other\", {second}");
    assert_eq!(put("if-match", &list, 4).await.0, StatusCode::OK);
    assert_eq!(put("if-none-match", &second, 5).await.0, StatusCode::OK);
    let delete = service
        .request(Method::DELETE, &path)
        .header("if-match", "*");
    assert_eq!(
        delete.send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );

    // Of many who count up at once, each counts.
    let counter = service.create(json!({"data": {"n": 0}})).await;
    let path = format!("/{}", text(&counter["id"]));
    let count = async || {
        loop {
            let read = service.request(Method::GET, &path).send().await.unwrap();
            let etag = header(read.headers(), ETAG);
            let read: Value = read.json().await.unwrap();
            let next = json!({"data": {"n": read["data"]["n"].as_i64().unwrap() + 1}});
            let request = service
                .request(Method::PATCH, &path)
                .header("if-match", etag);
            let status = request.json(&next).send().await.unwrap().status();
            if status == StatusCode::OK {
                return;
            }
            assert_eq!(status, StatusCode::PRECONDITION_FAILED);
        }
    };
    futures_util::future::join_all((0..8).map(|_| count())).await;
    assert_eq!(service.get(&path).await.1["data"]["n"], 8);
}

async fn json_stays_as_it_was_sent(test: TestDatabase) {
    let service = Service::start(test).await;
    let sent = r#"{"price": 1.10, "large": 123456789012345678901234567890, "text": "\u0000 ü \"", "deep": [[[]]]}"#;
    let response = service
        .request(Method::POST, "")
        .header(CONTENT_TYPE, "application/json")
        .body(format!(
            "{{\"data\": {sent}, \"metadata\": {{\"n\": 1.0}}}}"
        ))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let answer = response.text().await.unwrap();
    assert!(answer.contains(sent), "{answer}");
    let id = text(&serde_json::from_str::<Value>(&answer).unwrap()["id"]);
    let read = service.request(Method::GET, &format!("/{id}"));
    assert!(
        read.send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains(sent)
    );
    let downloaded = service.request(Method::GET, &format!("/{id}/$download"));
    let downloaded = downloaded.send().await.unwrap();
    assert_eq!(
        header(downloaded.headers(), CONTENT_TYPE),
        "application/json"
    );
    assert_eq!(downloaded.text().await.unwrap(), sent);
    for data in [json!(null), json!(false), json!("text"), json!(0)] {
        let created = service.create(json!({"data": data})).await;
        assert_eq!(created["data"], data);
    }
}

async fn bad_input_is_refused_with_what_is_wrong(test: TestDatabase) {
    let service = Service::start(test).await;
    let id = service.save(None).await;
    let many: Vec<String> = (0..51).map(|n| format!("t{n}")).collect();
    for (body, pointer) in [
        (json!({}), "/data"),
        (json!([]), ""),
        (json!({"data": 1, "level": 3}), "/level"),
        (json!({"data": 1, "id": "short"}), "/id"),
        (json!({"data": 1, "parent_id": NONE}), "/parent_id"),
        (json!({"data": 1, "parent_id": 5}), "/parent_id"),
        (json!({"data": 1, "metadata": []}), "/metadata"),
        (json!({"data": 1, "metadata": null}), "/metadata"),
        (json!({"data": 1, "tags": "a"}), "/tags"),
        (json!({"data": 1, "tags": ["a", 1, "b", null]}), "/tags/1"),
        (json!({"data": 1, "tags": ["a", "a"]}), "/tags"),
        (json!({"data": 1, "tags": ["a b"]}), "/tags"),
        (json!({"data": 1, "tags": [""]}), "/tags"),
        (json!({"data": 1, "tags": ["x".repeat(101)]}), "/tags"),
        (json!({"data": 1, "tags": many}), "/tags"),
    ] {
        for (method, path) in [
            (Method::POST, String::new()),
            (Method::PUT, format!("/{id}")),
        ] {
            // What is read-only and is another value does not fit what is there.
            let expected = if method == Method::PUT && pointer == "/level" {
                StatusCode::CONFLICT
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            let (status, problem) = service.json(method, &path, &body).await;
            assert_eq!(status, expected, "{body}: {problem}");
            assert_eq!(
                problem["errors"][0]["pointer"], pointer,
                "{body}: {problem}"
            );
        }
    }
    let (status, problem) = service
        .json(Method::POST, "", &json!({"data": 1, "id": id}))
        .await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert_eq!(problem["type"], "urn:tasks:problem:artifact-exists");
    let (status, _) = service
        .json(Method::PUT, &format!("/{NONE}"), &json!({"data": 1}))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    for (path, expected) in [
        ("/nonsense", StatusCode::BAD_REQUEST),
        ("/nonsense/$tree", StatusCode::BAD_REQUEST),
        (&format!("/{NONE}/$tree"), StatusCode::NOT_FOUND),
        (&format!("/{NONE}/$download"), StatusCode::NOT_FOUND),
        ("?page=0", StatusCode::UNPROCESSABLE_ENTITY),
        ("?size=101", StatusCode::UNPROCESSABLE_ENTITY),
        ("?page=1&size=x", StatusCode::UNPROCESSABLE_ENTITY),
        ("?after=x", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let (status, problem) = service.get(path).await;
        assert_eq!(status, expected, "{path}: {problem}");
        assert_eq!(problem["status"], expected.as_u16());
    }
    let raw = |body: &'static str, kind: &'static str| {
        service
            .request(Method::POST, "")
            .header(CONTENT_TYPE, kind)
            .body(body)
    };
    for (request, expected) in [
        (raw("{", "application/json"), StatusCode::BAD_REQUEST),
        (
            raw("{\"data\":1}", "text/plain"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
    ] {
        let (status, problem) = http::answer(request).await.unwrap();
        assert_eq!(status, expected, "{problem}");
    }
    let large = json!({"data": "x".repeat(3 * 1024 * 1024)});
    let (status, _) = service.json(Method::POST, "", &large).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    // Nothing of that was stored.
    assert_eq!(service.get("/$stats").await.1, json!({"total": 1}));
}

async fn methods_that_are_not_there_are_405(test: TestDatabase) {
    let service = Service::with(test, |scope| {
        scope.without_delete().without_update().without_create()
    })
    .await;
    for (method, path, allow) in [
        (Method::PATCH, "", "GET, HEAD"),
        (Method::POST, "", "GET, HEAD"),
        (Method::DELETE, "/01ARZ3NDEKTSV4RRFFQ69G5FAV", "GET, HEAD"),
        (Method::PUT, "/01ARZ3NDEKTSV4RRFFQ69G5FAV", "GET, HEAD"),
        (Method::POST, "/$stats", "GET, HEAD"),
    ] {
        let response = service.request(method.clone(), path).send().await.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path}"
        );
        assert_eq!(header(response.headers(), ALLOW), allow, "{method} {path}");
    }
    let upload = service
        .request(Method::POST, "/$upload")
        .send()
        .await
        .unwrap();
    assert_eq!(upload.status(), StatusCode::NOT_FOUND);
}

async fn lists_are_cheap_and_in_order(test: TestDatabase) {
    let service = Service::start(test).await;
    let heavy = "x".repeat(100_000);
    let saved = service
        .manager
        .save_all((0..105).map(|n| ArtifactIn::json(json!({"n": n, "heavy": heavy}))))
        .await
        .unwrap();
    let ids: Vec<String> = saved
        .iter()
        .map(|artifact| artifact.id.to_string())
        .collect();

    let response = service.request(Method::GET, "").send().await.unwrap();
    let link = header(response.headers(), LINK);
    let etag = header(response.headers(), ETAG);
    let first: Vec<Value> = response.json().await.unwrap();
    assert_eq!(first.len(), 100);
    assert!(first.iter().all(|artifact| artifact.get("data").is_none()));
    let next = link
        .strip_prefix("</api/v1/artifacts")
        .unwrap()
        .strip_suffix(">; rel=\"next\"")
        .unwrap();
    let again = service.request(Method::GET, "").header(IF_NONE_MATCH, etag);
    assert_eq!(
        again.send().await.unwrap().status(),
        StatusCode::NOT_MODIFIED
    );

    // One of those that come before goes: the place in the list stays what it is.
    service.manager.delete(saved[99].id).await.unwrap();
    let response = service.request(Method::GET, next).send().await.unwrap();
    assert!(response.headers().get(LINK).is_none());
    let rest: Vec<Value> = response.json().await.unwrap();
    let listed: Vec<String> = first
        .iter()
        .chain(&rest)
        .map(|artifact| text(&artifact["id"]))
        .collect();
    assert_eq!(listed, ids);

    let (_, page) = service.get("?page=11&size=10").await;
    assert_eq!(page["total"], 104);
    assert_eq!(
        (&page["page"], &page["size"], &page["pages"]),
        (&json!(11), &json!(10), &json!(11))
    );
    assert_eq!(page["items"].as_array().unwrap().len(), 4);
    assert_eq!(page["items"][3]["id"], ids[104].as_str());
    let (_, beyond) = service.get("?page=12&size=10").await;
    assert_eq!(beyond["items"], json!([]));
    let (_, most) = service.get("?page=999999999").await;
    assert_eq!(most["items"], json!([]));
}

async fn trees_have_levels_with_names(test: TestDatabase) {
    let service = Service::start(test).await;
    let root = service.save(None).await;
    let run = service.save(Some(&root)).await;
    let other = service.save(Some(&root)).await;
    let leaf = service.save(Some(&run)).await;

    let (_, tree) = service.get(&format!("/{root}/$tree")).await;
    assert_eq!(tree["level_label"], "experiment");
    assert_eq!(tree["hierarchy"], "experiments");
    assert!(tree.get("data").is_none());
    let children = tree["children"].as_array().unwrap();
    let ids: Vec<&Value> = children.iter().map(|child| &child["id"]).collect();
    assert_eq!(ids, [&json!(run), &json!(other)]);
    assert_eq!(children[0]["level_label"], "run");
    assert_eq!(children[0]["children"][0]["id"], json!(leaf));
    assert_eq!(children[0]["children"][0]["level_label"], "level_2");
    assert_eq!(children[1]["children"], json!([]));

    let (_, node) = service.get(&format!("/{run}/$expand")).await;
    assert_eq!(
        (&node["children"], &node["data"]),
        (&Value::Null, &json!({}))
    );
    assert_eq!(node["level_label"], "run");

    // To another parent, with all below it; and back to the top.
    let (status, moved) = service
        .json(
            Method::PUT,
            &format!("/{run}"),
            &json!({"data": 1, "parent_id": other}),
        )
        .await;
    assert_eq!((status, &moved["level"]), (StatusCode::OK, &json!(2)));
    assert_eq!(service.level(&leaf).await, 3);
    for (id, parent) in [(&root, &leaf), (&root, &root), (&other, &leaf)] {
        let body = json!({"data": 1, "parent_id": parent});
        let (status, problem) = service.json(Method::PUT, &format!("/{id}"), &body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{problem}");
        assert_eq!(problem["type"], "urn:tasks:problem:artifact-cycle");
    }
    let (_, top) = service
        .json(
            Method::PUT,
            &format!("/{run}"),
            &json!({"data": 1, "parent_id": null}),
        )
        .await;
    assert_eq!(
        (&top["level"], &top["parent_id"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(service.level(&leaf).await, 1);

    // Children of one that is deleted become roots.
    let below = service.save(Some(&leaf)).await;
    let deleted = service
        .request(Method::DELETE, &format!("/{run}"))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    let (_, orphan) = service.get(&format!("/{leaf}")).await;
    assert_eq!(
        (&orphan["level"], &orphan["parent_id"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(service.level(&below).await, 1);
}

async fn trees_have_a_last_level(test: TestDatabase) {
    let service = Service::start(test).await;
    let mut chain = vec![service.save(None).await];
    for _ in 0..50 {
        let parent = chain.last().unwrap().clone();
        chain.push(service.save(Some(&parent)).await);
    }
    let body = json!({"data": 1, "parent_id": chain[50]});
    let (status, problem) = service.json(Method::POST, "", &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&problem["detail"]).contains("level 51"), "{problem}");
    // A subtree that would reach beyond it.
    let root = service.save(None).await;
    let body = json!({"data": 1, "parent_id": root});
    let (status, _) = service
        .json(Method::PUT, &format!("/{}", chain[0]), &body)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(service.level(&chain[50]).await, 50);
    // Readers of JSON can read the deepest one.
    assert_eq!(
        service.get(&format!("/{}/$tree", chain[0])).await.0,
        StatusCode::OK
    );
}

async fn a_tree_of_ten_thousand(test: TestDatabase) {
    let service = Service::start(test).await;
    let root = service
        .manager
        .save(ArtifactIn::json("root"))
        .await
        .unwrap();
    let branches = service
        .manager
        .save_all((0..100).map(|n| ArtifactIn::json(n).parent(root.id)))
        .await
        .unwrap();
    for branch in branches.chunks(10) {
        let leaves = branch
            .iter()
            .flat_map(|branch| (0..99).map(|n| ArtifactIn::json(n).parent(branch.id)));
        service.manager.save_all(leaves).await.unwrap();
    }
    let (status, tree) = service.get(&format!("/{}/$tree", root.id)).await;
    assert_eq!(status, StatusCode::OK);
    let count: usize = tree["children"]
        .as_array()
        .unwrap()
        .iter()
        .map(|branch| 1 + branch["children"].as_array().unwrap().len())
        .sum();
    assert_eq!(count, 10_000);
    assert!(service.manager.delete(root.id).await.unwrap());
    let (_, branch) = service.get(&format!("/{}/$tree", branches[7].id)).await;
    assert_eq!(branch["level"], 0);
    assert_eq!(branch["children"][98]["level"], 1);
}

/// Bytes that are not all the same.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n * 31 % 251) as u8).collect()
}

async fn bytes_come_back_as_they_went(test: TestDatabase) {
    let service = Service::start(test).await;
    let parent = service.save(None).await;
    // Empty, in the row, at the border, and in the store.
    for size in [0, 1000, 64 * 1024, 64 * 1024 + 1, 12_000_000] {
        let bytes = content(size);
        let (status, created) = http::answer(
            service
                .request(
                    Method::POST,
                    &format!("/$upload?parent_id={parent}&tags=a,b&file_name=Gr%C3%B6%C3%9Fe.csv"),
                )
                .header(CONTENT_TYPE, "text/csv; charset=utf-8")
                .body(bytes.clone()),
        )
        .await
        .unwrap();
        assert_eq!(status, StatusCode::CREATED, "{created}");
        assert_eq!(created["content_type"], "text/csv; charset=utf-8");
        assert_eq!(created["size"], size);
        assert_eq!(created["file_name"], "Größe.csv");
        assert_eq!(created["tags"], json!(["a", "b"]));
        assert_eq!(created["level"], 1);
        assert_eq!(created["data"], Value::Null);
        let path = format!("/{}/$download", text(&created["id"]));
        let response = service.request(Method::GET, &path).send().await.unwrap();
        let headers = response.headers().clone();
        assert_eq!(header(&headers, CONTENT_TYPE), "text/csv; charset=utf-8");
        assert_eq!(header(&headers, CONTENT_LENGTH), size.to_string());
        assert_eq!(header(&headers, ACCEPT_RANGES), "bytes");
        assert_eq!(header(&headers, "x-content-type-options"), "nosniff");
        assert_eq!(
            header(&headers, CONTENT_DISPOSITION),
            "attachment; filename=\"Gr__e.csv\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.csv"
        );
        assert_eq!(response.bytes().await.unwrap(), bytes, "{size}");

        let known = service
            .request(Method::GET, &path)
            .header(IF_NONE_MATCH, header(&headers, ETAG));
        assert_eq!(
            known.send().await.unwrap().status(),
            StatusCode::NOT_MODIFIED
        );
        let head = service.request(Method::HEAD, &path).send().await.unwrap();
        assert_eq!(header(head.headers(), CONTENT_LENGTH), size.to_string());
    }
}

async fn parts_of_a_download(test: TestDatabase) {
    let service = Service::start(test).await;
    for size in [1000, 300_000] {
        let bytes = content(size);
        let saved = service
            .manager
            .save(ArtifactIn::bytes(bytes.clone(), "application/zip"))
            .await
            .unwrap();
        let path = format!("/{}/$download", saved.id);
        let part = async |range: &str, condition: Option<&str>| {
            let mut request = service.request(Method::GET, &path).header(RANGE, range);
            if let Some(condition) = condition {
                request = request.header(IF_RANGE, condition);
            }
            let response = request.send().await.unwrap();
            let (status, headers) = (response.status(), response.headers().clone());
            (status, headers, response.bytes().await.unwrap())
        };
        let (status, headers, got) = part("bytes=10-19", None).await;
        assert_eq!(status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(
            header(&headers, CONTENT_RANGE),
            format!("bytes 10-19/{size}")
        );
        assert_eq!(got, bytes[10..20]);
        assert_eq!(
            header(&headers, CONTENT_DISPOSITION),
            format!("attachment; filename=\"artifact_{}.zip\"", saved.id)
        );
        assert_eq!(part("bytes=-5", None).await.2, bytes[size - 5..]);
        assert_eq!(part("bytes=5-", None).await.2, bytes[5..]);
        let etag = header(&headers, ETAG);
        assert_eq!(
            part("bytes=0-0", Some(&etag)).await.0,
            StatusCode::PARTIAL_CONTENT
        );
        let (status, _, got) = part("bytes=0-0", Some("\"another\"")).await;
        assert_eq!((status, got.len()), (StatusCode::OK, size));
        let (status, headers, _) = part(&format!("bytes={size}-"), None).await;
        assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(header(&headers, CONTENT_RANGE), format!("bytes */{size}"));
    }
}

async fn forms_bring_a_file_and_more(test: TestDatabase) {
    let service = Service::start(test).await;
    let file = || {
        Part::bytes(content(200_000))
            .file_name("../a \"b\".csv")
            .mime_str("text/csv")
            .unwrap()
    };
    let send = async |form: Form| {
        http::answer(service.request(Method::POST, "/$upload").multipart(form))
            .await
            .unwrap()
    };
    // What comes along may come before and after the file.
    let form = Form::new()
        .text("id", NONE)
        .part("file", file())
        .text("tags", "x")
        .text("tags", "y")
        .text("metadata", "{\"n\": 1}");
    let (status, created) = send(form).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    assert_eq!(created["id"], NONE);
    assert_eq!(created["file_name"], "a \"b\".csv");
    assert_eq!(created["content_type"], "text/csv");
    assert_eq!(created["size"], 200_000);
    assert_eq!(
        (&created["tags"], &created["metadata"]),
        (&json!(["x", "y"]), &json!({"n": 1}))
    );

    for (form, pointer) in [
        (Form::new().text("tags", "x"), "/file"),
        (
            Form::new().part("file", file()).part("file", file()),
            "/file",
        ),
        (
            Form::new().part("file", file()).text("metadata", "[]"),
            "/metadata",
        ),
        (
            Form::new().part("file", file()).text("parent_id", "x"),
            "/parent_id",
        ),
        (
            Form::new().part("file", file()).text("colour", "red"),
            "/colour",
        ),
        (
            Form::new()
                .text("id", NONE)
                .part("file", file())
                .text("id", NONE),
            "/id",
        ),
    ] {
        let (status, problem) = send(form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    let (status, problem) = send(Form::new().part("file", file()).text("id", NONE)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    // Nothing of what was refused is left in the store.
    let swept = service
        .manager
        .sweep(std::time::Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(swept, tasks_web::artifacts::Swept::default());
    assert_eq!(service.manager.count().await.unwrap(), 1);
}

/// A part may say how long it is, as some clients have it. Nothing is cut off, or taken of the next part, where that is not so.
async fn parts_of_a_form_are_as_long_as_they_say(test: TestDatabase) {
    let service = Service::start(test).await;
    let part = |name: &str, length: Option<usize>, content: &str| {
        let length = length.map_or(String::new(), |length| {
            format!("Content-Length: {length}\r\n")
        });
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n{length}\r\n{content}\r\n"
        )
    };
    let send = async |parts: &[String]| {
        let form = service
            .request(Method::POST, "/$upload")
            .header(CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(format!("{}--b--\r\n", parts.concat()));
        http::answer(form).await.unwrap()
    };
    let content = "0123456789".repeat(100);
    let lines = "01234567\r\n".repeat(100);
    let metadata = r#"{"a": 1}"#;
    for parts in [
        [
            part("file", Some(1000), &content),
            part("metadata", Some(8), metadata),
        ],
        [
            part("metadata", Some(8), metadata),
            part("file", Some(1000), &lines),
        ],
    ] {
        let (status, created) = send(&parts).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        assert_eq!(
            (&created["size"], &created["metadata"]),
            (&json!(1000), &json!({"a": 1}))
        );
    }
    for (parts, pointer) in [
        ([part("file", Some(10), &content), String::new()], "/file"),
        ([part("file", Some(0), &content), String::new()], "/file"),
        ([part("file", Some(10), &lines), String::new()], "/file"),
        ([part("file", Some(999), &content), String::new()], "/file"),
        ([part("file", Some(1001), &content), String::new()], "/file"),
        ([part("file", Some(9999), &content), String::new()], "/file"),
        (
            [
                part("file", Some(1010), &content),
                part("metadata", None, metadata),
            ],
            "/file",
        ),
        (
            [
                part("file", None, &content),
                part("metadata", Some(2), "{}  ,"),
            ],
            "/metadata",
        ),
        (
            [
                part("metadata", Some(3), metadata),
                part("file", None, &content),
            ],
            "/metadata",
        ),
        // As long as it and the whole next part.
        (
            [
                part(
                    "file",
                    Some(content.len() + 2 + part("tags", None, "x").len() - 2),
                    &content,
                ),
                part("tags", None, "x"),
            ],
            "/file",
        ),
    ] {
        let (status, problem) = send(&parts).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert!(text(&problem["errors"][0]["detail"]).contains("`Content-Length`"));
    }
    assert_eq!(service.manager.count().await.unwrap(), 2);
}

async fn uploads_have_a_limit(test: TestDatabase) {
    let service = Service::with(test, |scope| scope.upload_limit(100_000)).await;
    let fits = service
        .request(Method::POST, "/$upload")
        .body(content(100_000));
    assert_eq!(fits.send().await.unwrap().status(), StatusCode::CREATED);
    let announced = service
        .request(Method::POST, "/$upload")
        .body(content(2_000_000));
    // In pieces, whose number nobody says.
    let pieces =
        futures_util::stream::iter((0..10).map(|_| Ok::<_, std::io::Error>(content(20_000))));
    let unannounced = service
        .request(Method::POST, "/$upload")
        .body(reqwest::Body::wrap_stream(pieces));
    let form = Form::new().part("file", Part::bytes(content(150_000)));
    let form = service.request(Method::POST, "/$upload").multipart(form);
    for request in [announced, unannounced, form] {
        let (status, problem) = http::answer(request).await.unwrap();
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{problem}");
        assert!(text(&problem["detail"]).contains("100000"));
    }
    let cross = service
        .request(Method::POST, "/$upload")
        .header("sec-fetch-site", "cross-site")
        .multipart(Form::new().part("file", Part::bytes(content(10))));
    assert_eq!(cross.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let cross = service
        .request(Method::POST, "/$upload")
        .header("origin", "null")
        .multipart(Form::new().part("file", Part::bytes(content(10))));
    assert_eq!(cross.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    // A type that is none is not stored as one, in a form neither.
    for wrong in ["nonsense", "text/csv; charset", "text/csv, text/plain"] {
        let body = service.request(Method::POST, "/$upload").body("x");
        let form = format!(
            "--b\r\ncontent-disposition: form-data; name=\"file\"\r\ncontent-type: {wrong}\r\n\r\nx\r\n--b--\r\n"
        );
        let form = service
            .request(Method::POST, "/$upload")
            .header(CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(form);
        for request in [body.header(CONTENT_TYPE, wrong), form] {
            let (status, problem) = http::answer(request).await.unwrap();
            assert_eq!(
                status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{wrong} {problem}"
            );
            let detail = text(&problem["errors"][0]["detail"]);
            assert!(
                detail.contains("as in `text/csv") || detail.contains("as `text/csv"),
                "{problem}"
            );
        }
    }
    let two = service
        .request(Method::POST, "/$upload")
        .header(CONTENT_TYPE, "text/csv")
        .header(CONTENT_TYPE, "text/plain")
        .body("x");
    let (status, problem) = http::answer(two).await.unwrap();
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{problem}");
    assert_eq!(service.manager.count().await.unwrap(), 1);
    assert_eq!(
        service
            .manager
            .sweep(std::time::Duration::ZERO)
            .await
            .unwrap()
            .objects,
        0
    );
}

async fn content_goes_with_its_artifact(test: TestDatabase) {
    let service = Service::start(test).await;
    let store = service._test.folder().join("content");
    let files = || {
        let mut count = 0;
        let mut folders = vec![store.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => count += 1,
                }
            }
        }
        count
    };
    let upload = || {
        service
            .request(Method::POST, "/$upload")
            .body(content(1_200_000))
    };
    let (_, first) = http::answer(upload()).await.unwrap();
    let (_, second) = http::answer(upload()).await.unwrap();
    assert_eq!(files(), 2);
    // A new version whose data is null keeps the bytes; one with JSON has it in their place, when that is meant.
    let path = format!("/{}", text(&first["id"]));
    let (status, kept) = service
        .json(Method::PUT, &path, &json!({"data": null, "tags": ["kept"]}))
        .await;
    assert_eq!(
        (status, &kept["size"]),
        (StatusCode::OK, &json!(1_200_000)),
        "{kept}"
    );
    assert_eq!(files(), 2);
    let (_, replaced) = service
        .json(
            Method::PUT,
            &path,
            &json!({"data": {"n": 1}, "tags": [], "content_type": null}),
        )
        .await;
    assert_eq!(
        (&replaced["size"], &replaced["data"]),
        (&Value::Null, &json!({"n": 1}))
    );
    assert_eq!(files(), 1);
    let path = format!("/{}", text(&second["id"]));
    let deleted = service.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(files(), 0);
}

async fn the_schema_describes_what_is_served(test: TestDatabase) {
    let service = Service::start(test).await;
    let (_, schema) = service.get("/$schema").await;
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let json = service.create(json!({"data": 1})).await;
    let (_, bytes) = http::answer(service.request(Method::POST, "/$upload").body("x"))
        .await
        .unwrap();
    for artifact in [json, bytes] {
        assert!(validator.is_valid(&artifact), "{artifact}");
    }
    assert!(!validator.is_valid(&json!({})));
}

on_all_databases!(
    an_artifact_is_saved_read_replaced_and_deleted,
    json_stays_as_it_was_sent,
    what_was_read_may_be_sent_back_and_nothing_is_lost_silently,
    changes_may_have_conditions,
    bad_input_is_refused_with_what_is_wrong,
    methods_that_are_not_there_are_405,
    lists_are_cheap_and_in_order,
    trees_have_levels_with_names,
    trees_have_a_last_level,
    a_tree_of_ten_thousand,
    bytes_come_back_as_they_went,
    parts_of_a_download,
    members_that_are_given_twice_are_refused_where_they_are_read,
    parts_of_a_form_are_as_long_as_they_say,
    forms_bring_a_file_and_more,
    uploads_have_a_limit,
    content_goes_with_its_artifact,
    the_schema_describes_what_is_served,
);
