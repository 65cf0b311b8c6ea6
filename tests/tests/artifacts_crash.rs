//! A process is killed between the steps of storing large content.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::process::Command;
use std::time::Duration;

use tasks_tests::databases::TestDatabase;
use tasks_tests::on_both_databases;
use tasks_web::artifacts::{ContentStore, Swept};
use tasks_web::prelude::*;

fn files(folder: &std::path::Path) -> usize {
    let mut count = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                count += 1;
            }
        }
    }
    count
}

async fn no_row_is_without_its_content(test: TestDatabase) {
    let content = test.folder().join("content");
    std::fs::create_dir(&content).unwrap();
    let mut done = false;
    let mut left_behind = Swept::default();
    for step in 1..100 {
        let output = Command::new(env!("CARGO_BIN_EXE_crashing-artifact-writer"))
            .args([test.url(), content.to_str().unwrap(), &step.to_string()])
            .output()
            .unwrap();
        done = output.status.success();
        if !done {
            use std::os::unix::process::ExitStatusExt as _;
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.signal(), Some(6), "{error}");
        }

        let database = Database::from_url(test.url()).connect().await.unwrap();
        // What was swept away is kept beside it for a day.
        let live = content.join("content");
        let artifacts = ArtifactManager::builder(database)
            .store(ContentStore::local(&content))
            .build()
            .unwrap();
        let list = artifacts.list(None, 100).await.unwrap().items;
        for artifact in &list {
            let found = artifacts.content(artifact.id).await.unwrap().unwrap();
            let bytes = found.bytes(10_000_000).await.unwrap();
            assert_eq!(bytes.len(), 6_000_000, "step {step}");
            assert!(bytes.iter().all(|byte| *byte == bytes[0]), "step {step}");
        }
        // A sweep finds what is left behind, and nothing else.
        let swept = artifacts.sweep(Duration::ZERO).await.unwrap();
        left_behind.set_aside += swept.set_aside;
        left_behind.unfinished += swept.unfinished;
        assert_eq!(files(&live), list.len(), "step {step}");
        for artifact in list {
            artifacts.delete(artifact.id).await.unwrap();
        }
        assert_eq!(files(&live), 0, "step {step}");
        if done {
            break;
        }
    }
    assert!(done, "there are fewer steps than that");
    // Otherwise the process ended somewhere else.
    assert!(left_behind.set_aside >= 4, "{left_behind:?}");
    assert!(left_behind.unfinished >= 4, "{left_behind:?}");
}

on_both_databases!(no_row_is_without_its_content);
