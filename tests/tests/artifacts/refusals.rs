//! What is refused: bad input, members that are given twice, other methods.

use crate::world::{NONE, Service, content, header, text};
use reqwest::header::{ALLOW, CONTENT_TYPE};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_all_databases};

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
    for (method, path) in [
        (Method::POST, ""),
        (Method::PUT, path.as_str()),
        (Method::PATCH, path.as_str()),
    ] {
        let (status, problem) = send(method.clone(), path, data).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("/data/a/b")),
            "{method}: {problem}"
        );
    }
    let form = Form::new()
        .part("file", Part::bytes(content(10)))
        .text("metadata", r#"{"a": 1, "a": 2}"#);
    let form = service.request(Method::POST, "/$upload").multipart(form);
    let (status, problem) = http::answer(form).await.unwrap();
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/metadata/a"))
    );
    // An upload is bytes, whatever they are.
    let bytes = service
        .request(Method::POST, "/$upload")
        .header(CONTENT_TYPE, "application/json")
        .body(data);
    let (status, _) = http::answer(bytes).await.unwrap();
    assert_eq!(status, StatusCode::CREATED);
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
        (
            &format!("?after=1_{NONE}&page=1"),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            &format!("?size=1&after=1_{NONE}"),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
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

/// It is stored as it comes.
async fn a_part_of_a_form_that_is_encoded_is_refused(test: TestDatabase) {
    let service = Service::start(test).await;
    for (header, value, expected) in [
        ("Content-Transfer-Encoding", "base64", 415),
        ("Content-Transfer-Encoding", "binary", 201),
        ("Content-Encoding", "gzip", 415),
        ("Content-Type", "text/plain", 400),
    ] {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n{header}: {value}\r\n\r\nYWJj\r\n--b--\r\n"
        );
        let request = service
            .request(Method::POST, "/$upload")
            .header("content-type", "multipart/form-data; boundary=b")
            .body(body);
        let (status, answer) = http::answer(request).await.unwrap();
        assert_eq!(status, expected, "{header}: {value}: {answer}");
    }
}

/// A part is checked as a request is.
async fn a_part_of_a_form_that_says_what_is_not_heeded_is_refused(test: TestDatabase) {
    const NAMED: &str = "Content-Disposition: form-data; name=";
    let service = Service::start(test).await;
    for (part, expected, words) in [
        (
            "\"file\"\r\nContent-Range: bytes 0-4/10".to_owned(),
            400,
            "a part of something",
        ),
        (
            "\"file\"\r\nContent-MD5: AA==".to_owned(),
            400,
            "not compared",
        ),
        ("\"file\"; name=\"tags\"".to_owned(), 400, "twice"),
        (
            "\"file\"; filename=\"x\"; filename=\"y\"".to_owned(),
            400,
            "twice",
        ),
        (
            "\"file\"; filename*=ISO-8859-1''%FC.txt".to_owned(),
            400,
            "UTF-8",
        ),
        (
            "\"file\"; filename=\"x\"; filename*=UTF-8''%C3%BC.txt".to_owned(),
            201,
            "",
        ),
        (
            "\"file\"; filename*=UTF-8''a%zz.txt".to_owned(),
            400,
            "hexadecimal",
        ),
        (
            "\"file\"; filename*0=\"a\"; filename*1=\"b\"".to_owned(),
            400,
            "pieces",
        ),
        ("\"file\"; filename=\"100%.txt\"".to_owned(), 201, "100%"),
        (
            format!(
                "\"tags\"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\na\r\n--b\r\n{NAMED}\"file\""
            ),
            415,
            "UTF-8",
        ),
        (
            format!("\"metadata\"\r\nContent-Type: text/xml\r\n\r\n{{}}\r\n--b\r\n{NAMED}\"file\""),
            415,
            "text/xml",
        ),
        (
            format!(
                "\"metadata\"\r\nContent-Type: application/json\r\n\r\n{{}}\r\n--b\r\n{NAMED}\"file\""
            ),
            201,
            "",
        ),
    ] {
        let request = service
            .request(Method::POST, "/$upload")
            .header("content-type", "multipart/form-data; boundary=b")
            .body(format!("--b\r\n{NAMED}{part}\r\n\r\nYWJj\r\n--b--\r\n"));
        let (status, answer) = http::answer(request).await.unwrap();
        assert_eq!(status, expected, "{part}: {answer}");
        assert!(answer.to_string().contains(words), "{part}: {answer}");
    }
    for (disposition, expected) in [
        ("attachment; filename=x; filename=y", 400),
        ("attachment; filename*=ISO-8859-1''%FC.txt", 400),
        ("garbage;;;=", 400),
        ("attachment; filename*=UTF-8''a%zz", 400),
        ("attachment; filename*0=a; filename*1=b", 400),
        ("attachment; filename*0*=UTF-8''a", 400),
        ("attachment; filename=x", 201),
    ] {
        let request = service
            .request(Method::POST, "/$upload")
            .header("content-type", "text/csv")
            .header("content-disposition", disposition)
            .body("abc");
        let (status, answer) = http::answer(request).await.unwrap();
        assert_eq!(status, expected, "{disposition}: {answer}");
    }
}

/// An input of a form may be left empty; in a query, nothing is empty unasked.
async fn an_empty_value_of_a_query_is_refused(test: TestDatabase) {
    let service = Service::start(test).await;
    for name in ["file_name", "metadata"] {
        let raw = service
            .request(Method::POST, &format!("/$upload?{name}="))
            .header(CONTENT_TYPE, "text/csv")
            .body("abc");
        let (status, problem) = http::answer(raw).await.unwrap();
        assert_eq!(
            (status.as_u16(), &problem["errors"][0]["pointer"]),
            (422, &json!(format!("/{name}"))),
            "{problem}"
        );
        let form = Form::new()
            .text(name, "")
            .part("file", Part::text("abc").file_name("a.csv"));
        let form = service.request(Method::POST, "/$upload").multipart(form);
        let (status, created) = http::answer(form).await.unwrap();
        assert_eq!(status.as_u16(), 201, "{created}");
        assert_eq!(created["file_name"], "a.csv");
    }
}

/// What is said of the file counts, and not what programs send with it of themselves.
async fn a_file_name_that_is_given_counts(test: TestDatabase) {
    let service = Service::start(test).await;
    let form = || Form::new().part("file", Part::text("abc").file_name("blob"));
    for request in [
        service
            .request(Method::POST, "/$upload?file_name=wanted.csv")
            .multipart(form()),
        service
            .request(Method::POST, "/$upload")
            .multipart(form().text("file_name", "wanted.csv")),
        service.request(Method::POST, "/$upload").multipart(
            Form::new()
                .text("file_name", "wanted.csv")
                .part("file", Part::text("abc").file_name("blob")),
        ),
        service
            .request(Method::POST, "/$upload?file_name=wanted.csv")
            .header(CONTENT_TYPE, "text/csv")
            .header("content-disposition", "attachment; filename=blob")
            .body("abc"),
    ] {
        let (status, created) = http::answer(request).await.unwrap();
        assert_eq!(
            (status.as_u16(), &created["file_name"]),
            (201, &json!("wanted.csv")),
            "{created}"
        );
    }
}

/// What a form has beside its parts would be lost, and of two boundaries one would be ignored.
async fn a_form_that_is_read_in_part_is_refused(test: TestDatabase) {
    const FORM: &str = "multipart/form-data; boundary=b";
    const PART: &str =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nabc\r\n";
    let service = Service::start(test).await;
    let end = "--b--";
    let long = "x".repeat(300_000);
    let spaces = " \r\n".repeat(100_000);
    for (kind, body, expected, words) in [
        (FORM, format!("{PART}{end}"), 201, ""),
        (FORM, format!("{PART}{end}\r\n"), 201, ""),
        (FORM, format!("\r\n{PART}{end}\r\n\t \r\n"), 201, ""),
        (FORM, format!("{PART}{end}\r\nx"), 400, "after the last"),
        (
            FORM,
            format!("{PART}{end}\r\n{long}"),
            400,
            "after the last",
        ),
        (
            FORM,
            format!("{PART}{end}\r\n{PART}{end}"),
            400,
            "after the last",
        ),
        (
            FORM,
            format!("{PART}{end}\r\n{spaces}"),
            400,
            "after the last",
        ),
        (
            FORM,
            format!("hello\r\n{PART}{end}"),
            400,
            "before the first",
        ),
        (
            "multipart/form-data; boundary=b; boundary=b",
            format!("{PART}{end}"),
            415,
            "`boundary` twice",
        ),
        (
            "multipart/form-data; boundary=x; BOUNDARY=\"b\"",
            format!("{PART}{end}"),
            415,
            "`boundary` twice",
        ),
        (
            "multipart/form-data",
            format!("{PART}{end}"),
            400,
            "boundary",
        ),
        (
            "multipart/mixed; boundary=b",
            format!("{PART}{end}"),
            415,
            "multipart/form-data",
        ),
        (
            "Multipart/Form-Data; charset=utf-8; boundary=b",
            format!("{PART}{end}"),
            201,
            "",
        ),
    ] {
        let shown: String = body.chars().take(200).collect();
        let request = service
            .request(Method::POST, "/$upload")
            .header("content-type", kind)
            .body(body);
        let (status, answer) = http::answer(request).await.unwrap();
        assert_eq!(status, expected, "{kind}: {shown:?}: {answer}");
        if expected != 201 {
            let detail = answer["detail"].as_str().unwrap();
            assert!(
                detail.contains(words),
                "{words}: {kind}: {shown:?}: {detail}"
            );
        }
    }
    assert_eq!(service.get("/$stats").await.1, json!({"total": 4}));
}

/// A name that is given as such is a name. A path in a `filename` is what programs send of themselves: its last part counts.
async fn a_file_name_that_is_a_path_is_refused(test: TestDatabase) {
    let service = Service::start(test).await;
    for name in ["../../x", "a/b.txt", "C:\\a.txt", "..", ".", "/", "a/"] {
        let encoded = name.replace('/', "%2F").replace('\\', "%5C");
        let raw = service
            .request(Method::POST, &format!("/$upload?file_name={encoded}"))
            .header(CONTENT_TYPE, "text/plain")
            .body("abc");
        let form = Form::new()
            .text("file_name", name)
            .part("file", Part::text("abc"));
        let form = service.request(Method::POST, "/$upload").multipart(form);
        for request in [raw, form] {
            let (status, problem) = http::answer(request).await.unwrap();
            assert_eq!(
                (status.as_u16(), &problem["errors"][0]["pointer"]),
                (422, &json!("/file_name")),
                "{name}: {problem}"
            );
        }
    }
    for (name, kept) in [
        ("../../x", json!("x")),
        ("C:\\tmp\\a.txt", json!("a.txt")),
        ("..", json!(null)),
    ] {
        let raw = service
            .request(Method::POST, "/$upload")
            .header(CONTENT_TYPE, "text/plain")
            .header(
                "content-disposition",
                format!("attachment; filename*=UTF-8''{}", name.replace('\\', "%5C")),
            )
            .body("abc");
        let form = Form::new().part("file", Part::text("abc").file_name(name));
        let form = service.request(Method::POST, "/$upload").multipart(form);
        for request in [raw, form] {
            let (status, created) = http::answer(request).await.unwrap();
            assert_eq!(
                (status.as_u16(), &created["file_name"]),
                (201, &kept),
                "{name}: {created}"
            );
        }
    }
}

on_all_databases!(
    a_form_that_is_read_in_part_is_refused,
    a_part_of_a_form_that_says_what_is_not_heeded_is_refused,
    a_file_name_that_is_given_counts,
    an_empty_value_of_a_query_is_refused,
    a_file_name_that_is_a_path_is_refused,
    a_part_of_a_form_that_is_encoded_is_refused,
    bad_input_is_refused_with_what_is_wrong,
    methods_that_are_not_there_are_405,
    members_that_are_given_twice_are_refused_where_they_are_read,
);
