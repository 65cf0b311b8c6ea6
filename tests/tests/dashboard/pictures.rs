//! Pictures for the documentation: `cargo xtask pictures`.

use std::path::Path;

use serde_json::json;

use super::*;

/// Imports the orders of a shop.
#[task(register = false, tags = ["shop"], retries = 2, backoff = "constant(1s)")]
async fn import_orders(
    context: TaskContext,
    /// The name of the shop.
    shop: String,
    /// How many orders at most.
    #[task(default = 500, range(min = 1, max = 10_000))]
    limit: u32,
    #[task(default = false)] dry_run: bool,
) -> Result<u32, TaskError> {
    for n in 0..limit.min(40) {
        context.progress(u64::from(n), u64::from(limit.min(40)), format!("order {n}"));
        context.log(format!("imported order {n} of {shop}"));
        tokio::time::sleep(Duration::from_millis(250)).await;
        if shop == "closed" && n == 3 {
            return Err(TaskError::msg("the shop `closed` does not answer"));
        }
    }
    let _ = dry_run;
    Ok(limit)
}

/// Sends the report of a day.
#[task(register = false, tags = ["reports"])]
async fn send_report(
    /// To whom.
    recipients: Vec<String>,
    day: String,
) -> String {
    format!("the report of {day} was sent to {}", recipients.join(", "))
}

/// Makes small pictures of large ones.
#[task(register = false, tags = ["images"])]
async fn resize_image(
    /// The picture.
    image: tasks_web::artifacts::ArtifactId,
    width: u32,
    height: Option<u32>,
) -> String {
    format!("{image} at {width}, {height:?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it writes the pictures of the documentation: `cargo xtask pictures`"]
async fn pictures() {
    let registry = TaskRegistry::builder()
        .task(import_orders)
        .task(send_report)
        .task(resize_image);
    let info = ServiceInfo::new("shop", "Shop").version("1.4.0");
    let builder = Service::builder(info)
        .with_tasks(registry.build().unwrap())
        .with_jobs(Jobs::new().max_concurrency(4))
        .with_artifacts(ArtifactHierarchy::new("files"))
        .with_health()
        .with_system();
    let page = Dashboard::open(builder, "/tasks").await;
    let submit = async |task: &str, params: Value| {
        let url = page.app.url(&format!("/api/v1/tasks/{task}/$submit"));
        let body = json!({"params": params});
        let (status, job) = tasks_tests::http::post(&url, &body).await.unwrap();
        assert_eq!(status, 202, "{job}");
        job["id"].as_str().unwrap().to_owned()
    };
    for day in ["2026-11-25", "2026-11-26", "2026-11-27"] {
        submit(
            "send_report",
            json!({"recipients": ["ada@example.org"], "day": day}),
        )
        .await;
    }
    let failed = submit("import_orders", json!({"shop": "closed"})).await;
    page.goto(&format!("/jobs/{failed}")).await;
    page.sees("failed").await;
    submit("import_orders", json!({"shop": "north", "limit": 20})).await;
    let running = submit("import_orders", json!({"shop": "south", "limit": 40})).await;
    submit(
        "send_report",
        json!({"recipients": ["bob@example.org"], "day": "2026-11-28"}),
    )
    .await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, view, width, colours) in [
        ("jobs", "/jobs".to_owned(), 1280, "dark"),
        ("job", format!("/jobs/{running}"), 1280, "light"),
        ("form", "/tasks/import_orders".to_owned(), 1280, "light"),
        ("overview", String::new(), 1280, "light"),
    ] {
        if name == "overview" {
            // Figures are written every ten seconds.
            tokio::time::sleep(Duration::from_secs(12)).await;
        }
        page.browser.pretend(width, 800, colours).await.unwrap();
        page.goto(&view).await;
        page.find(Locator::XPath(
            "//main[.//h1 and not(.//*[@aria-busy='true'])]",
        ))
        .await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        let picture = page.browser.client().screenshot().await.unwrap();
        std::fs::write(folder.join(format!("dashboard-{name}.png")), picture).unwrap();
    }
    page.close().await;
}
