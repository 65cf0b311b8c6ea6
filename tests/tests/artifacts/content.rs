//! Bytes: uploads, forms, downloads and their parts.

use crate::world::{NONE, Service, content, header, text};
use reqwest::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, IF_RANGE, RANGE,
};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_all_databases};
use tasks_web::prelude::*;

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
            .save(NewArtifact::bytes(bytes.clone(), "application/zip"))
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
        // Ranges are defined for GET alone.
        let head = service
            .request(Method::HEAD, &path)
            .header(RANGE, "bytes=0-0");
        let head = head.send().await.unwrap();
        assert_eq!(head.status(), StatusCode::OK);
        assert_eq!(header(head.headers(), CONTENT_LENGTH), size.to_string());
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
        (Form::new().part("file", file()).text("b~c", "red"), "/b~0c"),
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
            .set_aside,
        0
    );
}

async fn content_goes_with_its_artifact(test: TestDatabase) {
    let service = Service::start(test).await;
    let store = service.test.folder().join("content");
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

on_all_databases!(
    bytes_come_back_as_they_went,
    parts_of_a_download,
    parts_of_a_form_are_as_long_as_they_say,
    forms_bring_a_file_and_more,
    uploads_have_a_limit,
    content_goes_with_its_artifact,
);
