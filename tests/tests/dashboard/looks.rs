//! That everybody can use it: no view breaks a rule of accessibility that a program can check, by light, by dark, and on a phone.

use std::fs;
use std::path::Path;

use fantoccini::Locator;
use serde_json::json;

use super::*;

/// Adds two numbers.
#[task(register = false, tags = ["math"])]
async fn add(
    /// The first one.
    a: i64,
    b: i64,
    note: Option<String>,
    #[task(default = vec![])] more: Vec<i64>,
) -> i64 {
    let _ = note;
    a + b + more.iter().sum::<i64>()
}

/// Doubles a number, with a rest.
#[task(register = false)]
async fn double(context: TaskContext, a: i64) -> anyhow::Result<i64> {
    let sum: i64 = context.step("sum", async || anyhow::Ok(a + a)).await?;
    context.sleep("rest", Duration::from_millis(10)).await?;
    Ok(sum)
}

fn axe() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tasks-web/ui/node_modules/axe-core/axe.min.js");
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{error}: `cargo xtask test setup` installs axe-core"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_view_breaks_a_rule_of_accessibility() {
    let registry = TaskRegistry::builder().task(add).task(double);
    let builder = Service::builder(info())
        .with_tasks(registry.build().unwrap())
        .with_jobs(Jobs::new())
        .with_artifacts(ArtifactHierarchy::new("results"))
        .with_health()
        .with_system()
        .with_schedules(|scheduler| {
            let call = call!(add, a = 1, b = 2);
            [scheduler.schedule("nightly", call).cron("30 2 * * *")]
        });
    let page = Dashboard::open(builder, "/tasks").await;
    let submit = page.app.url("/api/v1/tasks/add/$submit");
    let body = json!({"params": {"a": 1, "b": 2}});
    let (_, job) = tasks_tests::http::post(&submit, &body).await.unwrap();
    let job = format!("/jobs/{}", job["id"].as_str().unwrap());
    let submit = page.app.url("/api/v1/tasks/double/$submit");
    let body = json!({"params": {"a": 1}});
    let (_, steps) = tasks_tests::http::post(&submit, &body).await.unwrap();
    let steps = format!("/jobs/{}", steps["id"].as_str().unwrap());
    let graph = json!({"description": "sums", "nodes": {
        "first": {"task": "add", "params": {"a": 1, "b": 2}},
        "second": {"task": "add", "params": {"b": 2}, "inputs": {"a": {"node": "first"}}},
        "later": {"task": "add", "params": {"a": 1, "b": 2}, "delay": "1h", "after": [{"node": "second", "on_failure": "run"}]},
    }});
    let url = page.app.url("/api/v1/graphs");
    let (_, graph) = tasks_tests::http::post(&url, &graph).await.unwrap();
    let graph = format!("/graphs/{}", graph["id"].as_str().unwrap());
    let stored = json!({"data": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], "tags": ["t"]});
    let url = page.app.url("/api/v1/artifacts");
    let (_, artifact) = tasks_tests::http::post(&url, &stored).await.unwrap();
    let artifact = format!("/artifacts/{}", artifact["id"].as_str().unwrap());
    let axe = axe();
    let views = [
        "",
        "?span=week",
        "/tasks",
        "/tasks/add",
        "/jobs",
        &job,
        &steps,
        "/graphs",
        &graph,
        "/queues",
        "/workers",
        "/schedules",
        "/schedules/nightly",
        "/artifacts",
        &artifact,
        "/audit-log",
        "/service",
        "/none",
    ];
    for (width, colours) in [(1280, "light"), (1280, "dark"), (380, "light")] {
        page.browser.pretend(width, 900, colours).await.unwrap();
        for view in views {
            page.goto(view).await;
            page.css("main h1").await;
            page.find(Locator::XPath("//main[not(.//*[@aria-busy='true'])]"))
                .await;
            page.script(&format!("{axe}; return null")).await;
            let found = page
                .browser
                .client()
                .execute_async(
                    "const done = arguments[0]; axe.run().then(result => done(result.violations.map(violation => \
                     [violation.id, ...violation.nodes.map(node => node.html.slice(0, 200))])))",
                    Vec::new(),
                )
                .await
                .unwrap();
            assert_eq!(found, json!([]), "{view} {width} {colours}");
            let wide = page
                .script("return document.documentElement.scrollWidth - innerWidth")
                .await;
            assert!(wide.as_i64().unwrap() <= 0, "{view} is wider than {width}");
        }
    }
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anything_is_found_by_its_name() {
    let registry = TaskRegistry::builder().task(add).build().unwrap();
    let builder = Service::builder(info()).with_tasks(registry);
    let page = Dashboard::open(builder, "/service").await;
    page.text("Service").await;
    let open = format!("{}k{}", Key::Control, Key::Null);
    page.css("body").await.send_keys(&open).await.unwrap();
    let search = page.css("dialog input").await;
    search.send_keys("ad").await.unwrap();
    page.css("dialog [role=option]").await;
    search.send_keys(&Key::Enter.to_string()).await.unwrap();
    page.field("/a").await;
    page.close().await;
}

/// Keys lead to views and to the list of keys, but not while somebody types, nor where that is turned off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_lead_to_views() {
    let registry = TaskRegistry::builder().task(add).build().unwrap();
    let builder = Service::builder(info())
        .with_tasks(registry)
        .with_jobs(Jobs::new());
    let page = Dashboard::open(builder, "/jobs").await;
    let filter = page.css("[aria-label='Task']").await;
    filter.send_keys("gw?/").await.unwrap();
    let typed = filter.prop("value").await.unwrap();
    assert_eq!(typed.as_deref(), Some("gw?/"));
    let press = async |keys: &str| page.css("main").await.send_keys(keys).await.unwrap();
    // On a busy machine, the driver presses keys a second time, or more than the time that a pair has lies between two.
    let lead = async |keys: &str, heading: &str| {
        for _ in 0..10 {
            press(keys).await;
            let wait = page.browser.client().wait();
            let found = wait.at_most(Duration::from_secs(3));
            if found.for_element(Locator::XPath(heading)).await.is_ok() {
                return;
            }
        }
        panic!("{keys} does not lead to {heading}: {}", page.body().await);
    };
    lead("gw", "//h1[.='Workers']").await;
    lead("gj", "//h1[.='Jobs']").await;
    press("/").await;
    let focused = page.script("return document.activeElement.ariaLabel").await;
    assert_eq!(focused, "Task");
    press("?").await;
    page.sees("Keys without Ctrl do something").await;
    page.click_on(Locator::Css("dialog input[type=checkbox]"))
        .await;
    page.click("Close").await;
    press("gw?").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    page.find(Locator::XPath("//h1[.='Jobs']")).await;
    page.close().await;
}
