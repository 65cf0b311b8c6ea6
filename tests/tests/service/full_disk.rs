//! A disk that is full.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_tests::http;
use tasks_tests::process::Server;

use super::lifecycle::program;

/// A service whose database is on a file system of 3 MB, in a namespace of its own; `None` where such a thing is not allowed.
fn on_a_small_disk(directory: &tempfile::TempDir) -> Option<(Server, PathBuf)> {
    let disk = directory.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let allowed = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs"])
        .arg(&disk)
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this user may not mount a file system in a namespace of its own");
        return None;
    }
    let script = directory.path().join("start");
    let text = format!(
        "#!/bin/sh\nexec unshare -rm sh -c 'mount -t tmpfs -o size=3m tmpfs {disk} && \
         head -c 1000000 /dev/zero > {disk}/ballast && exec {program}'\n",
        disk = disk.display(),
        program = program().display(),
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let url = format!("sqlite://{}/x.db", disk.display());
    let server = Server::start_program(&script, [("DATABASE_URL", url.as_str())]).unwrap();
    let seen = PathBuf::from(format!("/proc/{}/root{}", server.pid(), disk.display()));
    Some((server, seen))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_said_so_until_there_is_space_again() {
    let directory = tempfile::tempdir().unwrap();
    let Some((server, disk)) = on_a_small_disk(&directory) else {
        return;
    };
    let health = async || http::get(&server.url("/health")).await.unwrap();
    let save = async |size: usize| {
        let body = json!({"data": "x".repeat(size)});
        http::post(&server.url("/api/v1/artifacts"), &body)
            .await
            .unwrap()
    };
    let full = |answer: (reqwest::StatusCode, Value)| {
        let (status, problem) = answer;
        assert_eq!(status, 507, "{problem}");
        assert_eq!(problem["type"], "urn:tasks:problem:storage-full");
        assert!(problem["detail"].as_str().unwrap().contains("full"));
    };
    assert_eq!(health().await.0, 200);
    let refused = loop {
        let answer = save(200_000).await;
        if answer.0 != 201 {
            break answer;
        }
    };
    full(refused);
    // To the last page, and what is larger than a row as well.
    for size in [100_000, 30_000, 10_000] {
        while save(size).await.0 == 201 {}
    }
    full(save(30_000).await);
    let upload = http::client()
        .unwrap()
        .post(server.url("/api/v1/artifacts/$upload"))
        .header("content-type", "application/octet-stream")
        .body(vec![7; 2_000_000]);
    full(http::answer(upload).await.unwrap());

    // An answer is good for others for a moment, so that of the beginning may still be.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (status, said) = health().await;
    let check = &said["checks"]["database"];
    assert_eq!(
        (status.as_u16(), &check["state"]),
        (503, &json!("unhealthy"))
    );
    let message = check["message"].as_str().unwrap();
    assert!(
        message.starts_with("the disk is full, since 20"),
        "{message}"
    );

    std::fs::remove_file(disk.join("ballast")).unwrap();
    let began = Instant::now();
    while health().await.0 != 200 {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{}",
            server.output()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(save(1000).await.0, 201);
}
