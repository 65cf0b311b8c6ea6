//! How a service starts, and how it ends.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use tasks_tests::http;
use tasks_tests::process::Server;

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_service-under-test"))
}

fn start(environment: &[(&str, &str)]) -> Server {
    Server::start_program(program(), environment.iter().copied()).unwrap()
}

async fn sleeping(
    server: &Server,
    milliseconds: u64,
) -> tokio::task::JoinHandle<anyhow::Result<(reqwest::StatusCode, serde_json::Value)>> {
    let url = server.url("/api/v1/tasks/sleep/$execute");
    let body = json!({"params": {"milliseconds": milliseconds}});
    let request = tokio::spawn(async move { http::post(&url, &body).await });
    let metrics = server.url("/metrics");
    loop {
        let response = http::client().unwrap().get(&metrics).send().await.unwrap();
        if response
            .text()
            .await
            .unwrap()
            .contains("tasks_executions_in_flight{task=\"sleep\"} 1")
        {
            return request;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The directory of a private database that a process has open.
#[cfg(target_os = "linux")]
fn private_directory(server: &Server) -> std::path::PathBuf {
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
    let files = open
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let mut databases = files.filter(|file| file.ends_with("memory.db"));
    let database = databases.next().expect("a private database");
    database.parent().unwrap().to_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_killed_process_had_in_memory_goes_with_the_next_one() {
    let lives = start(&[]);
    let mut killed = start(&[]);
    let [of_living, of_killed] = [&lives, &killed].map(private_directory);
    assert!(of_killed.is_dir());
    killed.signal(Signal::KILL).unwrap();
    killed.wait(Duration::from_secs(10)).unwrap();
    let next = start(&[]);
    assert!(!of_killed.exists(), "{}", next.output());
    assert!(private_directory(&next).is_dir());
    assert!(of_living.is_dir(), "{}", next.output());
    assert_eq!(private_directory(&lives), of_living);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_requests_end_and_runs_the_hooks() {
    let mut server = start(&[]);
    let url = server.url("/health/$stream");
    let watching = tokio::spawn(async move { reqwest::get(url).await.unwrap().text().await });
    let running = sleeping(&server, 1000).await;
    server.signal(Signal::TERM).unwrap();
    let (status, answer) = running.await.unwrap().unwrap();
    assert_eq!(
        (status.as_u16(), &answer["result"]),
        (200, &json!(1000)),
        "{answer}"
    );
    let status = server.wait(Duration::from_secs(20)).unwrap();
    assert!(
        status.is_some_and(|status| status.success()),
        "{}",
        server.output()
    );
    // Who only watched did not keep it from ending.
    let _: Result<String, reqwest::Error> = watching.await.unwrap();
    let output = server.output();
    let place = |text: &str| {
        output
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {output}"))
    };
    assert!(place("started") < place("stopping"));
    assert!(place("a shutdown hook panicked") < place("a shutdown hook failed"));
    assert!(place("a shutdown hook failed") < place("last given, first run"));
    assert!(place("last given, first run") < place("first given, last run"));
    place("main goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wait_has_a_limit_and_a_second_signal_ends_it() {
    let mut server = start(&[("SHUTDOWN_TIMEOUT", "1")]);
    let running = sleeping(&server, 60_000).await;
    let began = Instant::now();
    server.signal(Signal::TERM).unwrap();
    assert!(
        server.wait(Duration::from_secs(20)).unwrap().is_some(),
        "{}",
        server.output()
    );
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert!(running.await.unwrap().is_err());

    let mut server = start(&[("SHUTDOWN_TIMEOUT", "600")]);
    let running = sleeping(&server, 60_000).await;
    server.signal(Signal::INT).unwrap();
    server.stderr_with("stopping", 1).unwrap();
    assert_eq!(server.wait(Duration::from_millis(300)).unwrap(), None);
    server.signal(Signal::TERM).unwrap();
    assert!(
        server.wait(Duration::from_secs(20)).unwrap().is_some(),
        "{}",
        server.output()
    );
    server.stderr_with("first given, last run", 1).unwrap();
    running.abort();
}

#[test]
fn a_second_signal_ends_hooks_that_hang() {
    let mut server = start(&[("HANG", "1")]);
    server.signal(Signal::TERM).unwrap();
    server.stderr_with("hanging", 1).unwrap();
    server.signal(Signal::TERM).unwrap();
    let began = Instant::now();
    assert!(
        server.wait(Duration::from_secs(20)).unwrap().is_some(),
        "{}",
        server.output()
    );
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{}",
        server.output()
    );
}

#[test]
fn a_start_up_hook_that_fails_ends_the_program() {
    let error = Server::start_program(program(), [("FAIL", "1")])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("a start-up hook failed: told to fail"),
        "{error}"
    );
    assert!(error.contains("first given, last run"), "{error}");
}

#[test]
fn what_is_wrong_with_the_environment_is_said() {
    let error = Server::start_program(
        program(),
        [("TASKS_API_KEYS", "ops:tiny"), ("LOG_FORMAT", "xml")],
    )
    .unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("LOG_FORMAT is `xml`, and it is either `console` or `json`"),
        "{error}"
    );
    assert!(
        error.contains("the API key at place 1 of `TASKS_API_KEYS` is shorter than 16"),
        "{error}"
    );
    assert!(!error.contains("tiny"), "{error}");
    let error = Server::start_program(program(), [("DATABASE_URL", "mysql://ada:hunter2@x/y")])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("begins with neither `sqlite:` nor `postgres:`")
            && !error.contains("hunter2"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_route_can_answer_is_a_problem_too() {
    let server = start(&[]);
    for request in [
        "OPTIONS * HTTP/1.1",
        "GET //x HTTP/1.1",
        "BREW /api/v1/info HTTP/1.1",
    ] {
        let bytes = format!("{request}\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = http::raw(server.address(), bytes.as_bytes()).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(
            answer.contains("application/problem+json"),
            "{request}: {answer}"
        );
        assert!(answer.contains("x-request-id: "), "{request}: {answer}");
    }
}

/// Starts the program with a socket that is handed over.
fn start_with(listener: &std::net::TcpListener) -> std::process::Child {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" 3<&0 </dev/null",
        ])
        .arg(program())
        .stdin(
            listener
                .try_clone()
                .map(std::os::fd::OwnedFd::from)
                .unwrap(),
        )
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    command.spawn().unwrap()
}

/// One process after another on one socket, and clients that do not stop asking: on connections that are kept and on new ones,
/// and without asking twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_when_a_process_follows_another() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut current = start_with(&listener);
    let url = format!("http://127.0.0.1:{port}/api/v1/tasks/sleep/$execute");
    let body = json!({"params": {"milliseconds": 1}});
    assert_eq!(http::post(&url, &body).await.unwrap().0, 200);

    let (over, answered) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let clients = (0..8).map(|number| {
        let (url, body) = (url.clone(), body.clone());
        let (over, answered) = (Arc::clone(&over), Arc::clone(&answered));
        tokio::spawn(async move {
            let kept = number % 2 == 0;
            let client = reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(usize::from(kept))
                .retry(reqwest::retry::never())
                .timeout(Duration::from_secs(30));
            let client = client.build().unwrap();
            let mut lost = Vec::new();
            while !over.load(Ordering::Relaxed) {
                match http::answer(client.post(&url).json(&body)).await {
                    Ok((status, _)) if status == 200 => {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok((status, answer)) => lost.push(format!("{status}: {answer}")),
                    Err(error) => lost.push(format!("kept: {kept}: {error:#}")),
                }
            }
            lost
        })
    });
    let clients: Vec<_> = clients.collect();
    for _ in 0..4 {
        let before = answered.load(Ordering::Relaxed);
        while answered.load(Ordering::Relaxed) < before + 500 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let pid = i32::try_from(current.id()).ok();
        let pid = pid.and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        let began = Instant::now();
        while current.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        current = start_with(&listener);
    }
    let before = answered.load(Ordering::Relaxed);
    while answered.load(Ordering::Relaxed) < before + 100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    over.store(true, Ordering::Relaxed);
    let mut lost = Vec::new();
    for client in clients {
        lost.extend(client.await.unwrap());
    }
    current.kill().unwrap();
    current.wait().unwrap();
    assert!(
        lost.is_empty(),
        "{} of {}: {lost:#?}",
        lost.len(),
        answered.load(Ordering::Relaxed)
    );
}

/// `systemfd` keeps a socket open and hands it to one process after the other, by the protocol of systemd
/// (`sd_listen_fds(3)`). A shell is all it takes to do the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_handed_over_outlives_the_process() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/health");
    let mut first = start_with(&listener);
    assert_eq!(http::get(&url).await.unwrap().0, 200);
    first.kill().unwrap();
    first.wait().unwrap();
    // Nobody is there, and a client is not turned away: it waits for the next one.
    let asked = tokio::spawn(async move { http::get(&url).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut second = start_with(&listener);
    let answer = asked.await.unwrap();
    second.kill().unwrap();
    second.wait().unwrap();
    assert_eq!(answer.unwrap().0, 200);
}
