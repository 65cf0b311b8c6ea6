//! Commands: how they end, what they leave, what they are given.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::process::Command;
use std::time::{Duration, Instant};

use tasks_runtime::shell::ShellError;
use tasks_runtime::{run_program, run_shell};

/// The processes whose command line is the words, read off `/proc`.
fn running(words: &str) -> Vec<String> {
    let wanted = format!("{}\0", words.replace(' ', "\0"));
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| {
            std::fs::read(process.path().join("cmdline"))
                .is_ok_and(|line| line == wanted.as_bytes())
        })
        .map(|process| process.file_name().into_string().unwrap())
        .collect()
}

fn kill(words: &str) {
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("kill {}", running(words).join(" ")))
        .status()
        .unwrap();
    assert!(status.success());
}

async fn gone(text: &str) -> bool {
    for _ in 0..50 {
        if running(text).is_empty() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn exit_codes_are_results() {
    let output = run_shell("echo out; echo err >&2; exit 3").await.unwrap();
    assert_eq!(
        (
            output.stdout.as_str(),
            output.stderr.as_str(),
            output.returncode
        ),
        ("out\n", "err\n", 3)
    );
    assert!(!output.success() && !output.timed_out);
    assert_eq!(
        run_shell("no-such-command-anywhere")
            .await
            .unwrap()
            .returncode,
        127
    );
    assert!(run_shell("true").await.unwrap().success());
}

#[tokio::test]
async fn death_by_a_signal_is_a_negative_code() {
    let output = run_shell("kill -9 $$").await.unwrap();
    assert_eq!((output.returncode, output.timed_out), (-9, false));
    assert_eq!(run_shell("kill -HUP $$").await.unwrap().returncode, -1);
}

#[tokio::test]
async fn a_timeout_keeps_what_was_printed_and_kills_everything() {
    let began = Instant::now();
    let output = run_shell("echo before; sleep 7531.1 & sleep 7531.1; echo after")
        .timeout(Duration::from_millis(300))
        .await
        .unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(
        (output.stdout.as_str(), output.returncode, output.timed_out),
        ("before\n", -1, true)
    );
    assert!(gone("sleep 7531.1").await);
}

#[tokio::test]
async fn a_process_that_left_the_group_does_not_hold_the_caller() {
    let began = Instant::now();
    let output = run_shell("setsid sleep 7532.2 & echo started; sleep 7532.2")
        .timeout(Duration::from_millis(300))
        .await
        .unwrap();
    assert!(output.timed_out && output.stdout == "started\n");
    assert!(began.elapsed() < Duration::from_secs(5));
    kill("sleep 7532.2");
}

#[tokio::test]
async fn a_zero_timeout_times_out_at_once() {
    let output = run_shell("sleep 5").timeout(Duration::ZERO).await.unwrap();
    assert!(output.timed_out);
    assert_eq!(output.returncode, -1);
}

#[tokio::test]
async fn dropping_kills_everything() {
    let mut command = Box::pin(run_shell("sleep 7533.3 & sleep 7533.3").into_future());
    tokio::select! {
        _ = &mut command => panic!("it sleeps for hours"),
        () = tokio::time::sleep(Duration::from_millis(300)) => {}
    }
    assert!(!running("sleep 7533.3").is_empty());
    drop(command);
    assert!(gone("sleep 7533.3").await);
}

#[tokio::test]
async fn what_a_finished_command_left_running_is_left_alone() {
    let output = run_shell("sleep 7534.4 >/dev/null 2>&1 & echo done")
        .timeout(Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(
        (output.stdout.as_str(), output.timed_out),
        ("done\n", false)
    );
    assert_eq!(running("sleep 7534.4").len(), 1);
    kill("sleep 7534.4");
}

#[tokio::test]
async fn output_that_is_not_utf_8_is_shown_as_far_as_it_is() {
    assert_eq!(
        run_shell("printf 'a\\377b'").await.unwrap().stdout,
        "a\u{fffd}b"
    );
}

#[tokio::test]
async fn output_is_kept_up_to_the_limit_and_not_within_a_character() {
    let output = run_shell("printf 'ääää'; printf 'x%.0s' 1 2 3 >&2")
        .output_limit(3)
        .await
        .unwrap();
    assert_eq!(
        (output.stdout.as_str(), output.stdout_truncated),
        ("ä", true)
    );
    assert_eq!(
        (output.stderr.as_str(), output.stderr_truncated),
        ("xxx", false)
    );
}

#[tokio::test]
async fn much_on_both_streams_at_once() {
    let line = "head -c 5000000 /dev/zero | tr '\\0' a; head -c 5000000 /dev/zero | tr '\\0' b >&2";
    let output = run_shell(line)
        .timeout(Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(
        (output.stdout.len(), output.stderr.len()),
        (5_000_000, 5_000_000)
    );
    let output = run_shell("head -c 20000000 /dev/zero")
        .timeout(Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(
        (
            output.stdout.len(),
            output.stdout_truncated,
            output.success()
        ),
        (10 * 1024 * 1024, true, true)
    );
}

#[tokio::test]
async fn standard_input_is_fed_while_output_is_read() {
    let input = "0123456789".repeat(500_000);
    let output = run_program("cat", ["-"])
        .stdin(input.clone())
        .timeout(Duration::from_secs(30))
        .await
        .unwrap();
    assert!(output.stdout == input);
    // One that does not read it is no error.
    assert!(run_shell("true").stdin(input).await.unwrap().success());
    assert_eq!(run_program("cat", ["-"]).await.unwrap().stdout, "");
}

#[tokio::test]
async fn the_environment_is_added_to_or_replaced() {
    let added = run_shell("echo \"$A $PATH\"").env("A", "1").await.unwrap();
    assert!(added.stdout.starts_with("1 /"), "{}", added.stdout);
    let replaced = run_program("/usr/bin/env", [""; 0])
        .env_clear()
        .envs([("A", "1"), ("B", "2")])
        .await
        .unwrap();
    assert_eq!(replaced.stdout, "A=1\nB=2\n");
}

#[tokio::test]
async fn the_directory_is_entered_or_named_in_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = run_shell("pwd -P").cwd(dir.path()).await.unwrap();
    assert_eq!(
        output.stdout.trim(),
        dir.path().canonicalize().unwrap().to_str().unwrap()
    );

    let missing = run_shell("pwd")
        .cwd("/no/such/directory")
        .await
        .unwrap_err();
    assert!(matches!(missing, ShellError::Directory(..)));
    assert!(
        missing.to_string().contains("`/no/such/directory`"),
        "{missing}"
    );
    let wrong = run_shell("pwd").cwd(&file).await.unwrap_err();
    assert!(matches!(wrong, ShellError::NotADirectory(_)), "{wrong}");
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let error = run_program("no-such-program", ["x"])
        .env("SECRET", "hunter2")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the program `no-such-program` was not found: install it, or give its whole path"
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn arguments_are_not_read_by_a_shell() {
    let output = run_program("printf", ["%s|%s", "$(id)", "a b"])
        .await
        .unwrap();
    assert_eq!(output.stdout, "$(id)|a b");
    assert_eq!(output.command, "printf '%s|%s' '$(id)' 'a b'");
}

#[tokio::test]
async fn no_zombies_are_left() {
    for _ in 0..5 {
        run_shell("exit 0").await.unwrap();
        run_shell("sleep 9")
            .timeout(Duration::from_millis(10))
            .await
            .unwrap();
    }
    // Those of other tests, which may run on other threads, are gone in a moment.
    let me = format!("\t{}\n", std::process::id());
    let mut left = 1;
    for _ in 0..100 {
        let statuses = std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .flat_map(|entry| std::fs::read_to_string(entry.path().join("status")));
        left = statuses
            .filter(|status| status.contains(&format!("PPid:{me}")) && status.contains("State:\tZ"))
            .count();
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(left, 0);
}
