//! The server as a program that a host starts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

struct Host {
    program: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Host {
    fn start() -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_mcp-fixtures"))
            .arg("mcp")
            .env("LOG_LEVEL", "info")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (program.stdin.take(), program.stdout.take().unwrap());
        Self {
            program,
            input,
            output: BufReader::new(output),
        }
    }

    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line.as_bytes()).unwrap();
        input.write_all(b"\n").unwrap();
        input.flush().unwrap();
    }

    #[allow(
        clippy::needless_pass_by_value,
        reason = "they are written where they are sent"
    )]
    fn ask(&mut self, id: u32, method: &str, params: Value) {
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.say(&message.to_string());
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
    }

    fn terminate(&self) {
        let pid = i32::try_from(self.program.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Ends its input, and waits for its end.
    fn end(mut self) -> Duration {
        let began = Instant::now();
        drop(self.input.take());
        let status = self.program.wait().unwrap();
        assert!(status.success(), "{status}");
        began.elapsed()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.program.kill();
    }
}

fn handshake(host: &mut Host) {
    let client = json!({"name": "test", "version": "1"});
    host.ask(
        0,
        "initialize",
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}),
    );
    assert_eq!(host.hear()["result"]["protocolVersion"], "2025-06-18");
    host.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
}

#[test]
fn messages_are_lines() {
    let mut host = Host::start();
    handshake(&mut host);
    host.ask(
        1,
        "tools/call",
        json!({"name": "greet", "arguments": {"name": "Ada"}}),
    );
    let answer = host.hear();
    assert_eq!(
        answer["result"]["structuredContent"],
        json!({"result": "Hello, Ada!"})
    );
    // What is no message is answered, and the next one read.
    host.say("no json");
    assert_eq!(host.hear()["error"]["code"], -32700);
    host.say("");
    host.say(&"x".repeat(3_000_000));
    assert_eq!(host.hear()["error"]["code"], -32600);
    // A client of 2026-07-28 on the same line.
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    host.ask(2, "tools/call", json!({"name": "greet", "_meta": meta}));
    let answer = host.hear();
    assert_eq!(
        (&answer["id"], &answer["result"]["structuredContent"]),
        (&json!(2), &json!("Hello, World!"))
    );
    host.ask(
        3,
        "tools/call",
        json!({"name": "test_tool_with_progress", "_meta": {"progressToken": 9}}),
    );
    for progress in [0, 50, 100] {
        let message = host.hear();
        assert_eq!(
            (&message["method"], &message["params"]["progress"]),
            (&json!("notifications/progress"), &json!(progress))
        );
    }
    assert_eq!(host.hear()["id"], 3);
    let took = host.end();
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn calls_run_side_by_side_and_are_taken_back() {
    let mut host = Host::start();
    handshake(&mut host);
    // It takes 10 seconds to say that it goes on as a job.
    host.ask(
        1,
        "tools/call",
        json!({"name": "slow_compute", "arguments": {"seconds": 30}}),
    );
    host.ask(2, "tools/call", json!({"name": "greet"}));
    assert_eq!(host.hear()["id"], 2);
    host.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#);
    std::thread::sleep(Duration::from_secs(12));
    host.ask(3, "ping", json!({}));
    assert_eq!(host.hear()["id"], 3);
}

/// A host that ends its input at once gets its answers.
#[test]
fn the_last_requests_are_answered() {
    let mut host = Host::start();
    handshake(&mut host);
    host.ask(1, "tools/call", json!({"name": "test_tool_with_progress"}));
    host.ask(2, "subscriptions/listen", json!({}));
    drop(host.input.take());
    let ids: Vec<Value> = [host.hear(), host.hear()]
        .iter()
        .map(|it| it["id"].clone())
        .collect();
    assert!(
        ids.contains(&json!(1)) && ids.contains(&json!(2)),
        "{ids:?}"
    );
    let took = host.end();
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// A host that ends its input hears of short jobs what they come to, and of long ones how they are asked for later.
#[test]
fn calls_that_wait_for_a_job_are_answered_at_the_end() {
    let mut host = Host::start();
    handshake(&mut host);
    for (id, seconds) in [(1, 0.8), (2, 600.0)] {
        let arguments = json!({"seconds": seconds, "label": "computed"});
        let call =
            json!({"name": "slow_compute", "arguments": arguments, "_meta": {"progressToken": id}});
        host.ask(id, "tools/call", call);
    }
    let began = Instant::now();
    drop(host.input.take());
    let mut texts = ["", ""].map(str::to_owned);
    while texts.iter().any(String::is_empty) {
        let message = host.hear();
        if let Some(id) = message["id"].as_u64() {
            let text = &message["result"]["content"][0]["text"];
            texts[usize::try_from(id).unwrap() - 1] = text.as_str().unwrap().to_owned();
        }
    }
    assert!(texts[0].contains("computed"), "{texts:?}");
    assert!(texts[1].contains("jobs_get"), "{texts:?}");
    host.end();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// Hosts send SIGTERM two seconds after the end of the input, and SIGKILL two seconds later.
#[test]
fn a_signal_after_the_end_of_the_input_ends_calls_soon() {
    let mut host = Host::start();
    handshake(&mut host);
    host.ask(
        1,
        "tools/call",
        json!({"name": "slow_call", "arguments": {"seconds": 600}}),
    );
    host.ask(2, "ping", json!({}));
    assert_eq!(host.hear()["id"], 2);
    drop(host.input.take());
    std::thread::sleep(Duration::from_secs(2));
    assert!(
        host.program.try_wait().unwrap().is_none(),
        "calls have five seconds"
    );
    let began = Instant::now();
    host.terminate();
    let status = host.program.wait().unwrap();
    assert!(status.success(), "{status}");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_signal_ends_the_program_in_order() {
    let mut host = Host::start();
    handshake(&mut host);
    host.terminate();
    let status = host.program.wait().unwrap();
    assert!(status.success(), "{status}");
}
