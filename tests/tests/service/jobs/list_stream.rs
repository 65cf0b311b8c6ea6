//! A page of the list as it changes.

use std::time::Duration;

use super::World;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::Method;
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;
use tasks_web::{ApiKey, ApiKeys, Database};

/// Longer than changes of other processes take to be seen.
const SOON: Duration = Duration::from_secs(20);

/// One event.
#[derive(Debug)]
struct Event {
    id: String,
    name: Option<String>,
    data: Value,
}

/// The events of a stream.
struct Events {
    pieces: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    text: String,
}

impl Events {
    async fn open(world: &World, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = http::client().unwrap().get(world.app.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let pieces = response.bytes_stream().map(|piece| piece.map(Vec::from));
        Self {
            pieces: pieces.boxed(),
            text: String::new(),
        }
    }

    /// The next one, unless it takes longer.
    async fn next_within(&mut self, limit: Duration) -> Option<Event> {
        let event = tokio::time::timeout(limit, async {
            loop {
                if let Some((event, rest)) = self.text.split_once("\n\n") {
                    let (event, rest) = (event.to_owned(), rest.to_owned());
                    self.text = rest;
                    if !event.starts_with(':') {
                        return event;
                    }
                    continue;
                }
                let piece = self.pieces.next().await.expect("it goes on").unwrap();
                self.text.push_str(std::str::from_utf8(&piece).unwrap());
            }
        });
        let event = event.await.ok()?;
        let field = |name: &str| {
            let lines = event.lines().find_map(|line| line.strip_prefix(name));
            lines.map(str::to_owned)
        };
        Some(Event {
            id: field("id: ").unwrap(),
            name: field("event: "),
            data: serde_json::from_str(&field("data: ").unwrap()).unwrap(),
        })
    }

    /// The first one whose data is like that.
    async fn until(&mut self, name: Option<&str>, fits: impl Fn(&Value) -> bool) -> Event {
        loop {
            let event = self.next_within(SOON).await.expect("there is one");
            if event.name.as_deref() == name && fits(&event.data) {
                return event;
            }
        }
    }
}

fn statuses(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|job| job["status"].as_str().unwrap()).collect()
}

async fn a_page_is_sent_whenever_it_changes(test: TestDatabase) {
    let url = test.url().to_owned();
    let world = World::new(test, |builder| builder).await;
    let path = "/api/v1/jobs/$stream?task=add&size=2";
    let mut events = Events::open(&world, path, &[]).await;
    let first = events.next_within(SOON).await.unwrap();
    assert_eq!(
        (first.name, first.data),
        (
            None,
            json!({"items": [], "total": 0, "page": 1, "size": 2, "pages": 0})
        )
    );
    let stats = events.next_within(SOON).await.unwrap();
    assert_eq!(stats.name.as_deref(), Some("stats"));
    assert_eq!(stats.data["completed"], 0);

    let sum = json!({"params": {"a": 1, "b": 2}});
    let id = world.submit("add", sum.clone()).await;
    let done = events
        .until(None, |page| statuses(page) == ["completed"])
        .await;
    assert_eq!(
        done.data["items"][0],
        world.get(&format!("/api/v1/jobs/{id}")).await.1
    );
    let last = events
        .until(Some("stats"), |stats| stats["completed"] == 1)
        .await;
    // What is on another page, or does not fit, is only counted.
    let later = json!({"params": {"count": 1, "milliseconds": 1}, "delay": 3600});
    world.submit("steps", later).await;
    let counted = events.next_within(SOON).await.unwrap();
    assert_eq!(
        (counted.name.as_deref(), &counted.data["pending"]),
        (Some("stats"), &json!(1))
    );
    assert_ne!(counted.id, last.id);

    // Who comes back hears of nothing that it knows, and of what it does not know.
    let known = [("last-event-id", counted.id.as_str())];
    let mut again = Events::open(&world, path, &known).await;
    let nothing = again.next_within(Duration::from_secs(3)).await;
    assert!(nothing.is_none(), "{nothing:?}");
    let known = [("last-event-id", last.id.as_str())];
    let mut behind = Events::open(&world, path, &known).await;
    let stats = behind.next_within(SOON).await.unwrap();
    assert_eq!(stats.name.as_deref(), Some("stats"));
    let mut foreign = Events::open(&world, path, &[("last-event-id", "x")]).await;
    assert_eq!(statuses(&foreign.until(None, |_| true).await.data).len(), 1);

    // Another process changes it.
    let other = Database::from_url(&url).connect().await.unwrap();
    let change = format!("UPDATE tasks_jobs SET description = 'by hand' WHERE id = '{id}'");
    other.session().execute_script(&change).await.unwrap();
    for events in [&mut events, &mut again, &mut behind, &mut foreign] {
        let changed = events.until(None, |_| true).await;
        assert_eq!(changed.data["items"][0]["description"], "by hand");
    }
    // A page that grows beyond its size.
    for _ in 0..3 {
        world.submit("add", sum.clone()).await;
    }
    let full = events.until(None, |page| page["total"] == 4).await;
    assert_eq!(full.data["items"].as_array().unwrap().len(), 2);

    let (status, problem) = world.get("/api/v1/jobs/$stream?before=x").await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("?before"))
    );
    world.service.shutdown().await;
    // It does not outlive the service.
    let rest = async { while let Some(Ok(_)) = events.pieces.next().await {} };
    tokio::time::timeout(SOON, rest).await.unwrap();
}

async fn a_limited_key_hears_of_the_jobs_of_its_tasks(test: TestDatabase) {
    const OPS: &str = "ops-0123456789abcdef";
    const MATH: &str = "math-0123456789abcdef";
    let keys = ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("math", MATH).tags(["math"]).read_only());
    let world = World::new(test, |builder| builder.with_auth(keys)).await;
    let submit = async |task: &str, body: Value| {
        let path = format!("/api/v1/tasks/{task}/$submit");
        let key = [("x-api-key", OPS)];
        let (status, job) = world.ask_with(Method::POST, &path, Some(body), &key).await;
        assert_eq!(status, 202, "{job}");
    };
    let path = "/api/v1/jobs/$stream";
    let mut all = Events::open(&world, path, &[("x-api-key", OPS)]).await;
    let mut own = Events::open(&world, path, &[("x-api-key", MATH)]).await;
    let others = json!({"params": {"count": 1, "milliseconds": 1}, "delay": 3600});
    submit("steps", others).await;
    all.until(None, |page| page["total"] == 1).await;
    submit("add", json!({"params": {"a": 1, "b": 2}, "delay": 3600})).await;
    let both = all.until(None, |page| page["total"] == 2).await;
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|job| job["task_name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&both.data), ["add", "steps"]);
    let mut heard = Vec::new();
    while let Some(event) = own.next_within(Duration::from_secs(3)).await {
        assert_eq!(event.name, None, "{event:?}");
        heard.push(names(&event.data));
    }
    assert_eq!(heard, [vec![], vec!["add".to_owned()]]);
    let key = [("x-api-key", MATH)];
    let mut none = Events::open(&world, "/api/v1/jobs/$stream?task=steps", &key).await;
    assert_eq!(none.next_within(SOON).await.unwrap().data["total"], 0);
    world.service.shutdown().await;
}

/// Whether a stream ends before it says anything of a job that was submitted meanwhile.
async fn ends_without_a_word_of(events: &mut Events, job: &str) {
    let end = async {
        while let Some(piece) = events.pieces.next().await {
            let Ok(piece) = piece else { return };
            events.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    };
    tokio::time::timeout(SOON, end).await.expect("it ends");
    assert!(!events.text.contains(job), "{}", events.text);
}

async fn a_stream_ends_with_its_key_and_with_its_session(test: TestDatabase) {
    const OPS: &str = "ops-0123456789abcdef";
    const EYES: &str = "eyes-0123456789abcdef";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, format!("ops:{OPS}\neyes(read-only):{EYES}\n")).unwrap();
    let keys = ApiKeys::new().from_file(&file);
    let world = World::new(test, |builder| builder.with_auth(keys).with_dashboard()).await;
    let submit = async || {
        let body = json!({"params": {"count": 3, "milliseconds": 1}, "delay": 3600});
        let path = "/api/v1/tasks/steps/$submit";
        let ops = [("x-api-key", OPS)];
        let (status, job) = world.ask_with(Method::POST, path, Some(body), &ops).await;
        assert_eq!(status, 202, "{job}");
        job["id"].as_str().unwrap().to_owned()
    };
    let first = submit().await;
    let list = "/api/v1/jobs/$stream";
    let one = format!("/api/v1/jobs/{first}/$stream");
    let eyes = [("x-api-key", EYES)];
    let mut of_list = Events::open(&world, list, &eyes).await;
    let mut of_job = Events::open(&world, &one, &eyes).await;
    let mut kept = Events::open(&world, list, &[("x-api-key", OPS)]).await;
    for events in [&mut of_list, &mut of_job] {
        events.next_within(SOON).await.unwrap();
    }

    // A browser that has logged out.
    let base = world.app.url("");
    let base = base.trim_end_matches('/');
    let browser = reqwest::Client::builder().no_proxy();
    let browser = browser.redirect(reqwest::redirect::Policy::none());
    let browser = browser.build().unwrap();
    let login = browser.post(format!("{base}/$login"));
    let login = login
        .header("origin", base)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("key={OPS}"));
    let answer = login.send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let session = [("cookie", cookie.as_str())];
    let mut of_session = Events::open(&world, list, &session).await;
    of_session.next_within(SOON).await.unwrap();
    let logout = browser.post(format!("{base}/$logout"));
    let logout = logout.header("origin", base).header("cookie", &cookie);
    assert!(logout.send().await.unwrap().status().as_u16() < 400);

    std::fs::write(&file, format!("ops:{OPS}\n")).unwrap();
    world.service.reload_keys().unwrap();
    let second = submit().await;
    // So that there is something to say of it.
    let cancel = format!("/api/v1/jobs/{first}/$cancel");
    let ops = [("x-api-key", OPS)];
    assert_eq!(
        world.ask_with(Method::POST, &cancel, None, &ops).await.0,
        200
    );
    ends_without_a_word_of(&mut of_list, &second).await;
    ends_without_a_word_of(&mut of_session, &second).await;
    ends_without_a_word_of(&mut of_job, "\"canceled\"").await;
    // One whose key is as it was goes on.
    kept.until(None, |page| page.to_string().contains(&second))
        .await;
    world.service.shutdown().await;
}

tasks_tests::on_both_databases!(
    a_stream_ends_with_its_key_and_with_its_session,
    a_page_is_sent_whenever_it_changes,
    a_limited_key_hears_of_the_jobs_of_its_tasks,
);
