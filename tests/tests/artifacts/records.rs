//! Records of artifacts: saved, read, replaced, deleted, with conditions and without.

use crate::world::{Service, header, text};
use reqwest::header::{CONTENT_TYPE, ETAG, LOCATION};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_all_databases};

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
    the_schema_describes_what_is_served,
);
