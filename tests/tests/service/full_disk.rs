//! A disk that is full.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tasks_tests::http;
use tasks_tests::process::Server;

use super::lifecycle::program;

/// A script that runs commands with a file system of 3 MB below `directory`, in a namespace of its own, with `$disk` and `$program`; `None`
/// where such a thing is not allowed.
fn with_a_small_disk(directory: &tempfile::TempDir, commands: &str) -> Option<(PathBuf, PathBuf)> {
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
        "#!/bin/sh\nexport disk={} program={}\nexec unshare -rm sh -c 'mount -t tmpfs -o size=3m tmpfs $disk && {commands}'\n",
        disk.display(),
        program().display(),
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    Some((script, disk))
}

fn url(disk: &Path) -> String {
    format!("sqlite://{}/x.db", disk.display())
}

/// A service whose database is on a small disk, and where that is to be seen.
fn on_a_small_disk(directory: &tempfile::TempDir) -> Option<(Server, PathBuf)> {
    let commands = "head -c 1000000 /dev/zero > $disk/ballast && exec $program";
    let (script, disk) = with_a_small_disk(directory, commands)?;
    let environment = [("DATABASE_URL", url(&disk)), ("JOBS", "1".to_owned())];
    let server = Server::start_program(&script, environment).unwrap();
    let seen = PathBuf::from(format!("/proc/{}/root{}", server.pid(), disk.display()));
    Some((server, seen))
}

#[test]
fn a_service_that_starts_says_that_the_disk_is_full() {
    let fill = "head -c 4000000 /dev/zero > $disk/ballast 2> $disk/said";
    for commands in [
        format!("{{ {fill}; exec $program; }}"),
        // With a database that is there already.
        format!("{{ timeout -s TERM 3 $program > $disk/log; {fill}; exec $program; }}"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let Some((script, disk)) = with_a_small_disk(&directory, &commands) else {
            return;
        };
        let environment = [("DATABASE_URL", url(&disk))];
        let error = Server::start_program(&script, environment).unwrap_err();
        let error = error.to_string();
        let said = format!("the disk of `{}` is full", disk.display());
        assert!(error.contains(&said), "{error}");
        assert!(error.contains("make room on that disk"), "{error}");
    }
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
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("is full") && detail.contains("make room"),
            "{detail}"
        );
    };
    assert_eq!(health().await.0, 200);
    let (_, artifact) = save(200_000).await;
    let submit = server.url("/api/v1/tasks/sleep/$submit");
    let later = json!({"params": {"milliseconds": 1}, "delay": "1h"});
    let (_, job) = http::post(&submit, &later).await.unwrap();
    let refused = loop {
        let answer = save(200_000).await;
        if answer.0 != 201 {
            break answer;
        }
    };
    full(refused);
    // To the last page, and what is larger than a row as well.
    for size in [100_000, 30_000, 10_000, 1_000, 1] {
        while save(size).await.0 == 201 {}
    }
    full(save(30_000).await);
    let artifact = format!("/api/v1/artifacts/{}", artifact["id"].as_str().unwrap());
    let job = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    for (method, path) in [
        (Method::DELETE, artifact.clone()),
        (Method::DELETE, job.clone()),
        (Method::POST, format!("{job}/$cancel")),
    ] {
        let request = http::client().unwrap().request(method, server.url(&path));
        full(http::answer(request).await.unwrap());
    }
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
    let request = http::client().unwrap().delete(server.url(&artifact));
    assert_eq!(request.send().await.unwrap().status(), 204);
}

/// As `LimitFSIZE` of systemd, or a limit of the shell that starts it: the kernel ends a process that does not know the signal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_grow_ends_no_process() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("start");
    // Blocks of 512 bytes.
    let text = format!(
        "#!/bin/sh\nulimit -f 6000 && exec {}\n",
        program().display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let environment = [
        ("DATABASE_URL", url(directory.path())),
        ("JOBS", "1".to_owned()),
    ];
    let server = Server::start_program(&script, environment).unwrap();
    let save = async |size: usize| {
        let body = json!({"data": "x".repeat(size)});
        http::post(&server.url("/api/v1/artifacts"), &body)
            .await
            .unwrap()
    };
    let mut saved = 0;
    // To what is as small as what the service writes by itself: what it can write says that all is well again.
    for size in [200_000, 20_000, 2_000, 200, 1] {
        loop {
            let (status, answer) = save(size).await;
            if status != 201 {
                assert_eq!(status, 503, "{answer}");
                break;
            }
            saved += 1;
            assert!(saved < 1000, "{answer}");
        }
    }
    let (status, health) = http::get(&server.url("/health")).await.unwrap();
    assert_eq!(status, 503, "{health}");
    let url = server.url("/api/v1/artifacts?page=1&size=1");
    let (status, page) = http::get(&url).await.unwrap();
    assert_eq!((status.as_u16(), &page["total"]), (200, &json!(saved)));
}
