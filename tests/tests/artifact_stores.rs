//! Whose the content of artifacts is, and what becomes of content that nobody refers to.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt as _;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::process::Server;
use tasks_tests::{http, on_both_databases};
use tasks_web::artifacts::{ArtifactError, ArtifactId, ContentStore, StoreReport, Swept};
use tasks_web::prelude::*;

/// More than any database keeps in a row.
const LARGE: usize = 2_000_000;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_when_the_directory_of_content_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (content, aside) = (folder.path().join("content"), folder.path().join("aside"));
    let url = format!("sqlite://{}/x.db", folder.path().display());
    let server = start(&url, &content);
    let first = upload(&server).await;
    assert_eq!(download(&server, &first).await, (StatusCode::OK, LARGE));

    fs::rename(&content, &aside).unwrap();
    for replaced in [false, true] {
        if replaced {
            fs::create_dir(&content).unwrap();
        }
        let url = server.url("/api/v1/artifacts/$upload");
        let request = http::client().unwrap().post(url).body(vec![7; LARGE]);
        let (status, answer) = http::answer(request).await.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        assert_eq!(content.exists(), replaced);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let (status, report) = http::get(&server.url("/health")).await.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{report}");
    }

    fs::remove_dir(&content).unwrap();
    fs::rename(&aside, &content).unwrap();
    let second = upload(&server).await;
    for path in [first, second] {
        assert_eq!(download(&server, &path).await, (StatusCode::OK, LARGE));
    }
}

/// Two processes delete the same artifacts while clients download them: each gets all of it, or 404; and no content is left.
async fn downloads_of_what_is_deleted_are_whole_or_refused(test: TestDatabase) {
    let content = test.folder().join("content");
    let servers = [start(test.url(), &content), start(test.url(), &content)];
    let kept = upload(&servers[0]).await;
    let mut paths = Vec::new();
    for _ in 0..12 {
        paths.push(upload(&servers[0]).await);
    }
    // Slow ones that have begun before.
    let mut begun = Vec::new();
    for path in &paths {
        let url = servers[0].url(path);
        let mut response = http::client().unwrap().get(url).send().await.unwrap();
        let first = response.chunk().await.unwrap().unwrap().len();
        begun.push((response, first));
    }
    let delete = async |server: &Server, path: &str| {
        let url = server.url(path.strip_suffix("/$download").unwrap());
        let request = http::client().unwrap().delete(url).send();
        request.await.unwrap().status()
    };
    let both = paths.iter().map(async |path| {
        let (one, other, read, again) = tokio::join!(
            delete(&servers[0], path),
            delete(&servers[1], path),
            download(&servers[0], path),
            download(&servers[1], path)
        );
        let mut statuses = [one, other];
        statuses.sort_unstable();
        assert_eq!(statuses, [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND]);
        for (status, length) in [read, again] {
            let is_whole = (status, length) == (StatusCode::OK, LARGE);
            assert!(
                is_whole || status == StatusCode::NOT_FOUND,
                "{status} {length}"
            );
        }
    });
    futures_util::future::join_all(both).await;
    for (mut response, first) in begun {
        let mut length = first;
        while let Some(chunk) = response.chunk().await.unwrap() {
            length += chunk.len();
        }
        assert_eq!(length, LARGE);
    }
    assert_eq!(download(&servers[1], &kept).await, (StatusCode::OK, LARGE));
    assert_eq!(files(&content.join("content")).len(), 1);
}

/// As if all had been written two hours ago.
fn age(folder: &Path) {
    let then = SystemTime::now() - Duration::from_secs(2 * 3600);
    for file in files(folder) {
        let file = fs::File::options().write(true).open(file).unwrap();
        file.set_modified(then).unwrap();
    }
}

fn start(url: &str, content: &Path) -> Server {
    let program = Path::new(env!("CARGO_BIN_EXE_service-under-test"));
    let variables = [
        ("DATABASE_URL", url),
        ("ARTIFACTS_DIR", content.to_str().unwrap()),
    ];
    Server::start_program(program, variables).unwrap()
}

async fn upload(server: &Server) -> String {
    let url = server.url("/api/v1/artifacts/$upload");
    let request = http::client().unwrap().post(url).body(vec![7; LARGE]);
    let (status, answer) = http::answer(request).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    format!(
        "/api/v1/artifacts/{}/$download",
        answer["id"].as_str().unwrap()
    )
}

async fn download(server: &Server, path: &str) -> (StatusCode, usize) {
    let response = http::client()
        .unwrap()
        .get(server.url(path))
        .send()
        .await
        .unwrap();
    let status = response.status();
    (status, response.bytes().await.unwrap().len())
}

async fn what_another_database_has_written_is_left_alone(test: TestDatabase) {
    let content = test.folder().join("content");
    let server = start(test.url(), &content);
    let path = upload(&server).await;
    age(&content);
    // Once with another database, once with none that lasts.
    let other = TestDatabase::postgres();
    for url in [other.url(), "sqlite::memory:"] {
        let stranger = start(url, &content);
        stranger
            .stderr_with("also has content of another", 1)
            .unwrap();
        // It sweeps after that.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(
            download(&server, &path).await,
            (StatusCode::OK, LARGE),
            "{}",
            stranger.output()
        );
    }
    assert!(
        !server.stderr().contains("also has content"),
        "{}",
        server.stderr()
    );
}

async fn open(test: &TestDatabase, store: ContentStore) -> (Database, ArtifactManager) {
    manager(test.url(), store).await
}

async fn manager(url: &str, store: ContentStore) -> (Database, ArtifactManager) {
    let database = Database::from_url(url).connect().await.unwrap();
    let manager = ArtifactManager::builder(database.clone())
        .store(store)
        .build()
        .unwrap();
    (database, manager)
}

fn large() -> NewArtifact {
    NewArtifact::bytes(vec![7; LARGE], "application/octet-stream")
}

async fn is_whole(manager: &ArtifactManager, id: ArtifactId) -> bool {
    let content = manager.content(id).await.unwrap().unwrap();
    content
        .bytes(10_000_000)
        .await
        .is_ok_and(|bytes| bytes.len() == LARGE)
}

/// Content whose transaction was undone.
async fn orphan(database: &Database, manager: &ArtifactManager) {
    let undone: Result<(), ArtifactError> = database
        .session()
        .transaction(async |tx| {
            manager.within(tx).save(large()).await?;
            Err(ArtifactError::Refused("undone".to_owned()))
        })
        .await;
    assert!(
        matches!(undone, Err(ArtifactError::Refused(_))),
        "{undone:?}"
    );
}

async fn keys(store: &InMemory) -> Vec<String> {
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    listed
        .into_iter()
        .map(|object| object.location.to_string())
        .collect()
}

async fn an_orphan_is_kept_aside_for_a_day(test: TestDatabase) {
    let store = Arc::new(InMemory::new());
    let (database, manager) = open(&test, ContentStore::new(store.clone())).await;
    let kept = manager.save(large()).await.unwrap();
    orphan(&database, &manager).await;
    // It may be that of a transaction that is under way.
    let swept = manager.sweep(Duration::from_secs(3600)).await.unwrap();
    assert_eq!(swept, Swept::default());

    let swept = manager.sweep(Duration::ZERO).await.unwrap();
    assert_eq!(
        (swept.set_aside, swept.bytes),
        (1, LARGE as u64),
        "{swept:?}"
    );
    let aside: Vec<String> = keys(&store).await;
    let aside: Vec<&String> = aside
        .iter()
        .filter(|key| key.starts_with("trash/"))
        .collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(
        manager.sweep(Duration::ZERO).await.unwrap(),
        Swept::default()
    );

    // As if that had been long ago.
    let [trash, identity, _, id] = aside[0].split('/').collect::<Vec<_>>()[..] else {
        panic!("{aside:?}");
    };
    let earlier = Key::from(format!("{trash}/{identity}/2020-02-29T23/{id}"));
    let aside = Key::from(aside[0].as_str());
    store.rename(&aside, &earlier).await.unwrap();
    let swept = manager.sweep(Duration::ZERO).await.unwrap();
    assert_eq!((swept.set_aside, swept.deleted), (0, 1), "{swept:?}");
    assert_eq!(keys(&store).await.len(), 1);
    assert!(is_whole(&manager, kept.id).await);
}

async fn what_was_put_aside_too_early_comes_back(test: TestDatabase) {
    let content = test.folder().join("content");
    let (database, manager) = open(&test, ContentStore::local(&content)).await;
    let sweeping = manager.clone();
    let saved = database
        .session()
        .transaction(async |tx| {
            let saved = manager.within(tx).save(large()).await?;
            let swept = sweeping.sweep(Duration::ZERO).await?;
            assert_eq!(swept.set_aside, 1);
            Ok::<_, ArtifactError>(saved)
        })
        .await
        .unwrap();
    assert_eq!(manager.sweep(Duration::ZERO).await.unwrap().restored, 1);
    assert!(is_whole(&manager, saved.id).await);
    manager.delete(saved.id).await.unwrap();
    manager.sweep(Duration::ZERO).await.unwrap();
    assert_eq!(files(&content), [] as [PathBuf; 0]);
}

/// What a copy does with the store of the original, which it should not have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_database_harms_nothing_of_the_original() {
    let test = TestDatabase::sqlite();
    let content = test.folder().join("content");
    let (database, manager) = open(&test, ContentStore::local(&content)).await;
    let (first, second) = (
        manager.save(large()).await.unwrap(),
        manager.save(large()).await.unwrap(),
    );
    database.close().await;
    let copy = test.folder().join("copy.db");
    fs::copy(test.url().strip_prefix("sqlite://").unwrap(), &copy).unwrap();

    let (_database, original) = open(&test, ContentStore::local(&content)).await;
    let later = original.save(large()).await.unwrap();
    let url = format!("sqlite://{}", copy.display());
    let (_database, copied) = manager_of(&url, &content).await;
    assert!(is_whole(&copied, first.id).await);
    assert!(copied.delete(first.id).await.unwrap());
    assert_eq!(copied.sweep(Duration::ZERO).await.unwrap().set_aside, 0);
    let own = copied.save(large()).await.unwrap();
    assert_eq!(original.sweep(Duration::ZERO).await.unwrap().set_aside, 0);
    for (manager, id) in [
        (&original, first.id),
        (&original, second.id),
        (&original, later.id),
        (&copied, second.id),
        (&copied, own.id),
    ] {
        assert!(is_whole(manager, id).await);
    }
    // The original's own is gone when it says so.
    let before = files(&content).len();
    assert!(original.delete(first.id).await.unwrap());
    assert_eq!(files(&content).len(), before - 1);
}

/// The same, and the original is not used any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_has_moved_takes_over_what_it_had_written() {
    let test = TestDatabase::sqlite();
    let content = test.folder().join("content");
    let (database, manager) = open(&test, ContentStore::local(&content)).await;
    let (first, second) = (
        manager.save(large()).await.unwrap(),
        manager.save(large()).await.unwrap(),
    );
    orphan(&database, &manager).await;
    database.close().await;
    let moved = test.folder().join("moved.db");
    fs::copy(test.url().strip_prefix("sqlite://").unwrap(), &moved).unwrap();

    let url = format!("sqlite://{}", moved.display());
    let (database, manager) = manager_of(&url, &content).await;
    manager.delete(first.id).await.unwrap();
    assert_eq!(
        manager.sweep(Duration::ZERO).await.unwrap(),
        Swept::default()
    );
    assert_eq!(files(&content).len(), 3);
    manager.take_over_content().await.unwrap();
    // That of the first, and that of nobody.
    let swept = manager.sweep(Duration::ZERO).await.unwrap();
    assert_eq!(swept.set_aside, 2, "{swept:?}");
    assert!(is_whole(&manager, second.id).await);
    let live = content.join("content");
    manager.delete(second.id).await.unwrap();
    assert_eq!(files(&live), [] as [PathBuf; 0]);
    // It stays so.
    database.close().await;
    let (_database, manager) = manager_of(&url, &content).await;
    assert!(manager.check_store().await.unwrap().warnings.is_empty());
    let own = manager.save(large()).await.unwrap();
    manager.delete(own.id).await.unwrap();
    assert_eq!(files(&live), [] as [PathBuf; 0]);
}

async fn manager_of(url: &str, content: &Path) -> (Database, ArtifactManager) {
    manager(url, ContentStore::local(content)).await
}

/// Stores that were filled before databases had names of their own.
async fn content_without_an_owner_is_read_and_deleted_by_its_rows_alone(test: TestDatabase) {
    let store = Arc::new(InMemory::new());
    let (database, manager) = open(&test, ContentStore::new(store.clone())).await;
    let saved = manager.save(large()).await.unwrap();
    let [key] = &keys(&store).await[..] else {
        panic!("one object");
    };
    let former = "content/AB/01ARZ3NDEKTSV4RRFFQ69G5FAB";
    store
        .rename(&Key::from(key.as_str()), &Key::from(former))
        .await
        .unwrap();
    database
        .session()
        .execute_script(&format!(
            "UPDATE tasks_artifacts SET object_key = '{former}'"
        ))
        .await
        .unwrap();
    let stranger = Key::from("content/AB/01ARZ3NDEKTSV4RRFFQ69G5FCD");
    store.put(&stranger, vec![1; 10].into()).await.unwrap();

    assert_eq!(
        manager.sweep(Duration::ZERO).await.unwrap(),
        Swept::default()
    );
    assert!(is_whole(&manager, saved.id).await);
    assert!(manager.check_store().await.unwrap().warnings.is_empty());
    manager.delete(saved.id).await.unwrap();
    assert_eq!(keys(&store).await, [stranger.to_string()]);
    let report = manager.check_store().await.unwrap();
    assert!(
        report.warnings[0].contains("that no artifact of this database refers to"),
        "{report:?}"
    );
}

async fn a_store_without_the_content_is_said_to_be_wrong(test: TestDatabase) {
    let content = test.folder().join("content");
    let server = start(test.url(), &content);
    let path = upload(&server).await;
    drop(server);
    let wrong = test.folder().join("wrong");
    let server = start(test.url(), &wrong);
    let log = server.stderr_with("`ARTIFACTS_DIR`", 1).unwrap();
    assert!(log.contains(wrong.to_str().unwrap()), "{log}");
    let (status, health) = http::get(&server.url("/health")).await.unwrap();
    assert_eq!(
        (status, &health["checks"]["artifacts"]["state"]),
        (StatusCode::OK, &json!("degraded")),
        "{health}"
    );
    assert_eq!(
        download(&server, &path).await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    drop(server);
    let server = start(test.url(), &content);
    assert_eq!(download(&server, &path).await, (StatusCode::OK, LARGE));
    let health: Value = http::get(&server.url("/health")).await.unwrap().1;
    assert_eq!(health["checks"]["artifacts"], json!({"state": "healthy"}));
}

/// A process elsewhere, which has another directory or none.
/// One file of many, which nobody would notice before a download.
async fn a_file_that_is_gone_is_said(test: TestDatabase) {
    let content = test.folder().join("content");
    let (_database, manager) = open(&test, ContentStore::local(&content)).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(manager.save(large()).await.unwrap().id);
    }
    assert_eq!(manager.check_store().await.unwrap(), StoreReport::default());
    let mut all = files(&content);
    all.sort();
    for gone in &all[..2] {
        fs::remove_file(gone).unwrap();
    }
    let report = manager.check_store().await.unwrap();
    let [error] = &report.errors[..] else {
        panic!("{report:?}");
    };
    assert!(error.contains("the content of 2 artifacts"), "{error}");
    for id in ids {
        if !is_there(&manager, id).await {
            manager.delete(id).await.unwrap();
        }
    }
    assert_eq!(manager.check_store().await.unwrap(), StoreReport::default());
}

async fn is_there(manager: &ArtifactManager, id: ArtifactId) -> bool {
    let content = manager.content(id).await;
    match content {
        Ok(Some(content)) => content.bytes(LARGE as u64 * 2).await.is_ok(),
        Ok(None) | Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_mebibyte_is_in_the_database_and_more_needs_a_store() {
    let test = TestDatabase::postgres();
    let build = async || {
        let database = Database::from_url(test.url()).connect().await.unwrap();
        ArtifactManager::builder(database).build().unwrap()
    };
    let (here, there) = (build().await, build().await);
    let fits = NewArtifact::bytes(vec![1; 1024 * 1024], "application/octet-stream");
    let saved = here.save(fits).await.unwrap();
    let content = there.content(saved.id).await.unwrap().unwrap();
    assert_eq!(content.bytes(2_000_000).await.unwrap().len(), 1024 * 1024);

    let error = here.save(large()).await.unwrap_err();
    assert!(matches!(error, ArtifactError::NoStore { .. }), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("1048576") && message.contains("`ARTIFACTS_DIR`"),
        "{message}"
    );
    assert_eq!(here.sweep(Duration::ZERO).await.unwrap(), Swept::default());
    assert_eq!(here.check_store().await.unwrap(), StoreReport::default());
    assert!(!Path::new("artifacts").exists());

    let served = here.clone();
    let app = tasks_tests::app::Running::start(move |config| {
        config.service(tasks_web::artifacts("/artifacts", served.clone()));
    });
    let request = http::client()
        .unwrap()
        .post(app.url("/artifacts/$upload"))
        .body(vec![1; LARGE]);
    let (status, problem) = http::answer(request).await.unwrap();
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`ARTIFACTS_DIR`"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_of_one_computer_is_doubted_where_there_are_several() {
    let test = TestDatabase::postgres();
    let content = test.folder().join("content");
    let (database, manager) = open(&test, ContentStore::local(&content)).await;
    assert_eq!(manager.check_store().await.unwrap(), StoreReport::default());
    database
        .session()
        .execute_script(
            "INSERT INTO tasks_workers (id, heartbeat, host, process, started_at, tasks) \
             VALUES ('w', 0, 'elsewhere boot space 1', 1, 0, '[]')",
        )
        .await
        .unwrap();
    let report = manager.check_store().await.unwrap();
    assert!(
        report.warnings[0].contains("`elsewhere`") && report.warnings[0].contains("object store"),
        "{report:?}"
    );
    // Any other store is reached by all.
    let (_database, manager) = open(&test, ContentStore::new(Arc::new(InMemory::new()))).await;
    assert_eq!(manager.check_store().await.unwrap(), StoreReport::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_cannot_be_written_is_said_at_start() {
    let test = TestDatabase::sqlite();
    let file = test.folder().join("file");
    fs::write(&file, "not a folder").unwrap();
    let directory = file.join("content");
    let artifacts = tasks_web::Artifacts::new(ArtifactHierarchy::new("results"))
        .store(ContentStore::local(&directory));
    let error = Service::builder(ServiceInfo::new("stores", "Stores"))
        .with_database(Database::from_url(test.url()))
        .with_artifacts(artifacts)
        .build()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(directory.to_str().unwrap()) && error.contains("`ARTIFACTS_DIR`"),
        "{error}"
    );
}

on_both_databases!(
    a_file_that_is_gone_is_said,
    downloads_of_what_is_deleted_are_whole_or_refused,
    what_another_database_has_written_is_left_alone,
    a_store_without_the_content_is_said_to_be_wrong,
    content_without_an_owner_is_read_and_deleted_by_its_rows_alone,
    what_was_put_aside_too_early_comes_back,
    an_orphan_is_kept_aside_for_a_day,
);
