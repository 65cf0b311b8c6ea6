//! The database of a service, and what is in it.

use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;
use tasks_web::Artifacts;

use super::*;

#[task(register = false)]
async fn keep(artifacts: ArtifactManager, data: Value) -> anyhow::Result<String> {
    Ok(artifacts
        .save(NewArtifact::json(data))
        .await?
        .id
        .to_string())
}

#[task(register = false)]
async fn which(database: Database, _session: Session) -> String {
    format!("{:?}", database.backend())
}

fn tasks() -> TaskRegistry {
    TaskRegistry::builder()
        .task(keep)
        .task(which)
        .build()
        .unwrap()
}

fn with_storage() -> ServiceBuilder {
    Service::builder(ServiceInfo::new("stores", "Stores"))
        .with_tasks(tasks())
        .with_artifacts(ArtifactHierarchy::new("results").level(0, "run"))
}

async fn execute(app: &Running, name: &str, params: Value) -> Value {
    let url = app.url(&format!("/api/v1/tasks/{name}/$execute"));
    let (status, answer) = http::post(&url, &json!({"params": params})).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["error"], Value::Null, "{answer}");
    answer["result"].clone()
}

async fn it_is_injected_and_stays(test: TestDatabase) {
    let folder = test.folder().join("content");
    let build = async || {
        let store = tasks_web::artifacts::ContentStore::local(&folder);
        let artifacts =
            Artifacts::new(ArtifactHierarchy::new("results").level(0, "run")).store(store);
        Service::builder(ServiceInfo::new("stores", "Stores"))
            .with_database(Database::from_url(test.url()))
            .with_tasks(tasks())
            .with_artifacts(artifacts)
            .build()
            .await
            .unwrap()
    };
    let service = build().await;
    let app = Running::service(&service);
    let kind = execute(&app, "which", json!({})).await;
    assert_eq!(
        kind,
        if test.is_postgres() {
            "Postgres"
        } else {
            "Sqlite"
        }
    );
    let id = execute(&app, "keep", json!({"data": [1, 2]})).await;
    service.shutdown().await;
    drop(app);

    let app = Running::service(&build().await);
    let path = format!("/api/v1/artifacts/{}/$expand", id.as_str().unwrap());
    let (_, artifact) = http::get(&app.url(&path)).await.unwrap();
    assert_eq!(
        (&artifact["data"], &artifact["level_label"]),
        (&json!([1, 2]), &json!("run"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_database_there_is_a_private_one() {
    let app = serve(with_storage()).await;
    assert_eq!(execute(&app, "which", json!({})).await, "Sqlite");
    execute(&app, "keep", json!({"data": 1})).await;
    let (_, stats) = http::get(&app.url("/api/v1/artifacts/$stats"))
        .await
        .unwrap();
    assert_eq!(stats, json!({"total": 1}));
    // Another service has another one.
    let other = serve(with_storage()).await;
    let (_, stats) = http::get(&other.url("/api/v1/artifacts/$stats"))
        .await
        .unwrap();
    assert_eq!(stats, json!({"total": 0}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verbs_can_be_switched_off_and_the_path_is_free() {
    let artifacts = Artifacts::new(ArtifactHierarchy::new("results"))
        .routes(|routes| routes.without_delete().without_update().without_create());
    let app = serve(
        Service::builder(ServiceInfo::new("stores", "Stores"))
            .with_tasks(tasks())
            .with_artifacts(artifacts)
            .artifacts_at("/results"),
    )
    .await;
    let id = execute(&app, "keep", json!({"data": 1})).await;
    let url = app.url(&format!("/results/{}", id.as_str().unwrap()));
    assert_eq!(http::get(&url).await.unwrap().0, 200);
    for method in [reqwest::Method::DELETE, reqwest::Method::PUT] {
        let request = http::client()
            .unwrap()
            .request(method.clone(), &url)
            .json(&json!({"data": 2}));
        assert_eq!(http::answer(request).await.unwrap().0, 405, "{method}");
    }
    assert_eq!(
        http::post(&app.url("/results"), &json!({"data": 2}))
            .await
            .unwrap()
            .0,
        405
    );
    let (_, document) = http::get(&app.url("/openapi.json")).await.unwrap();
    assert!(
        document["paths"]["/results/{id}"].get("delete").is_none(),
        "{document}"
    );
    assert!(document["paths"]["/results"].get("post").is_none());
}

tasks_tests::on_both_databases!(it_is_injected_and_stays);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_when_the_file_of_the_database_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (file, aside) = (folder.path().join("app.db"), folder.path().join("aside.db"));
    let service = Service::builder(ServiceInfo::new("stores", "Stores"))
        .with_database(Database::sqlite(file.to_str().unwrap()))
        .with_tasks(TaskRegistry::builder().task(which).build().unwrap())
        .with_jobs(Jobs::new())
        .with_health()
        .build()
        .await
        .unwrap();
    let app = Running::service(&service);
    let submit = app.url("/api/v1/tasks/which/$submit");
    let stored = async || http::post(&submit, &json!({})).await;
    assert_eq!(stored().await.unwrap().0, 202);
    let files = ["", "-wal", "-shm"];
    let path = |base: &std::path::Path, end: &str| format!("{}{end}", base.display());

    for end in files {
        let _ = std::fs::rename(path(&file, end), path(&aside, end));
    }
    let (status, answer) = stored().await.unwrap();
    assert_eq!(status, 503, "{answer}");
    let (status, report) = http::get(&app.url("/health")).await.unwrap();
    assert_eq!(status, 503, "{report}");
    let check = &report["checks"]["database"];
    assert_eq!(check["message"], answer["detail"], "{report}");
    let message = check["message"].as_str().unwrap();
    assert!(
        message.contains("its file was removed while it was open"),
        "{report}"
    );
    // Nothing was put in its place.
    assert!(!file.exists());

    // Another one is not taken for it.
    std::fs::copy(&aside, &file).unwrap();
    let (status, answer) = stored().await.unwrap();
    assert_eq!(status, 503, "{answer}");

    // The one that was there is.
    for end in files {
        let _ = std::fs::rename(path(&aside, end), path(&file, end));
    }
    let (status, answer) = stored().await.unwrap();
    assert_eq!(status, 202, "{answer}");
    service.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_when_the_log_of_the_database_is_gone_and_nothing_is_lost() {
    // SQLite has these files beside the database, and not beside a link that leads to it.
    for (end, is_linked) in [
        ("-wal", false),
        ("-shm", false),
        ("-wal", true),
        ("-shm", true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, real) = (folder.path().join("app.db"), folder.path().join("data"));
        let beside = if is_linked {
            std::fs::create_dir(&real).unwrap();
            file = folder.path().join("link.db");
            std::os::unix::fs::symlink("other.db", &file).unwrap();
            std::os::unix::fs::symlink("data/real.db", folder.path().join("other.db")).unwrap();
            real.join("real.db")
        } else {
            file.clone()
        };
        let build = async || {
            Service::builder(ServiceInfo::new("stores", "Stores"))
                .with_database(Database::sqlite(file.to_str().unwrap()))
                .with_tasks(TaskRegistry::builder().task(which).build().unwrap())
                .with_jobs(Jobs::new().run_workers(false))
                .with_health()
                .build()
                .await
        };
        let service = build().await.unwrap();
        let app = Running::service(&service);
        let submit = app.url("/api/v1/tasks/which/$submit");
        let mut ids = Vec::new();
        for _ in 0..5 {
            let (status, job) = http::post(&submit, &json!({})).await.unwrap();
            assert_eq!(status, 202, "{job}");
            ids.push(job["id"].clone());
        }
        std::fs::remove_file(format!("{}{end}", beside.display())).unwrap();
        let (status, answer) = http::post(&submit, &json!({})).await.unwrap();
        assert_eq!(status, 503, "{end}: {answer}");
        let (status, report) = http::get(&app.url("/health")).await.unwrap();
        assert_eq!(status, 503, "{end}: {report}");
        service.shutdown().await;
        drop((app, service));

        let service = build().await.unwrap();
        let app = Running::service(&service);
        for id in ids {
            let url = app.url(&format!("/api/v1/jobs/{}", id.as_str().unwrap()));
            let (status, job) = http::get(&url).await.unwrap();
            assert_eq!(status, 200, "{end}: {job}");
        }
        service.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_without_its_database_is_not_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.db");
    let log = format!("{}-wal", file.display());
    std::fs::write(&log, "what was written last").unwrap();
    let error = Database::sqlite(file.to_str().unwrap())
        .connect()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("there is a write-ahead log"), "{error}");
    assert_eq!(
        std::fs::read_to_string(&log).unwrap(),
        "what was written last"
    );
    assert!(!file.exists());

    // Nor by way of a link.
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink("app.db", &link).unwrap();
    let error = Database::sqlite(link.to_str().unwrap())
        .connect()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("there is a write-ahead log"), "{error}");
    assert!(!file.exists());
}
