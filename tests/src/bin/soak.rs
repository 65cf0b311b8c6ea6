//! Keeps a service busy for a while, with a bit of everything, and watches what it holds: `cargo xtask soak`.
//!
//! `soak <program> <minutes> [database url]`: the program is the example `advanced-service`. Prints a line for each minute, and fails when a
//! client is answered what it should not be, or when memory, descriptors or threads grow after the first quarter of the time.

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::load;
use tasks_tests::process::Server;

const CLIENTS: usize = 8;
/// How long a client waits between two steps.
const PAUSE: Duration = Duration::from_millis(20);
/// How much memory may grow after the first quarter, in KiB.
const MEMORY: u64 = 12 * 1024;
/// How many descriptors and threads more there may be.
const FEW: usize = 12;

#[derive(Clone)]
struct Load {
    client: Client,
    url: Arc<str>,
    steps: Arc<AtomicU64>,
}

impl Load {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await?;
        Ok((
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        ))
    }

    async fn expect(
        &self,
        status: u16,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value> {
        let (found, answer) = self.ask(method.clone(), path, body).await?;
        ensure!(found == status, "{method} {path}: {found} {answer}");
        Ok(answer)
    }

    /// A job from its submission to its end, watched as a stream; every third is left alone, every fifth canceled.
    async fn job(&self, nth: u64) -> Result<()> {
        let body = json!({"params": {"total": 3}, "description": "a soak"});
        let job = self
            .expect(
                202,
                Method::POST,
                "/api/v1/tasks/batch_work/$submit",
                Some(body),
            )
            .await?;
        let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap_or_default());
        if nth.is_multiple_of(5) {
            self.expect(200, Method::POST, &format!("{path}/$cancel"), None)
                .await?;
        } else if !nth.is_multiple_of(3) {
            let url = format!("{}{path}/$stream", self.url);
            let response = self.client.get(url).send().await?;
            ensure!(response.status() == StatusCode::OK, "{}", response.status());
            let mut events = response.bytes_stream();
            // Some go away in the middle.
            let most = if nth.is_multiple_of(2) { 1 } else { 100 };
            for _ in 0..most {
                if events.next().await.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn artifact(&self, nth: u64) -> Result<()> {
        let size = usize::try_from(nth % 8).unwrap_or_default() * 40_000;
        let body = json!({"data": {"text": "x".repeat(size)}, "tags": ["soak"]});
        let made = self
            .expect(201, Method::POST, "/api/v1/artifacts", Some(body))
            .await?;
        let path = format!(
            "/api/v1/artifacts/{}",
            made["id"].as_str().unwrap_or_default()
        );
        self.expect(200, Method::GET, &path, None).await?;
        self.expect(204, Method::DELETE, &path, None).await?;
        Ok(())
    }

    async fn schedule(&self, client: usize) -> Result<()> {
        let path = format!("/api/v1/schedules/soak-{client}");
        let body = json!({"task_name": "batch_work", "params": {"total": 1}, "interval": 2});
        let (status, answer) = self.ask(Method::PUT, &path, Some(body)).await?;
        ensure!(matches!(status, 200 | 201), "{status} {answer}");
        self.expect(200, Method::GET, &path, None).await?;
        self.expect(204, Method::DELETE, &path, None).await?;
        Ok(())
    }

    async fn step(&self, client: usize, step: u64) -> Result<()> {
        tokio::time::sleep(PAUSE).await;
        self.steps.fetch_add(1, Ordering::Relaxed);
        let get = |path: &'static str| self.expect(200, Method::GET, path, None);
        match step % 40 {
            0 => get("/openapi.json").await.map(drop),
            1 => get("/metrics").await.map(drop),
            2 => get("/health").await.map(drop),
            3 => get("/api/v1/jobs").await.map(drop),
            4 => get("/api/v1/tasks").await.map(drop),
            5 => {
                let body = json!({"params": {"nam": "x"}});
                let path = "/api/v1/tasks/greet_user/$execute";
                self.expect(422, Method::POST, path, Some(body))
                    .await
                    .map(drop)
            }
            6 => self
                .expect(404, Method::GET, "/api/v1/nowhere", None)
                .await
                .map(drop),
            7 => self.schedule(client).await,
            8..=11 => self.artifact(step).await,
            12..=19 => self.job(step).await,
            _ => {
                let body = json!({"params": {"name": "Ada"}});
                let path = "/api/v1/tasks/greet_user/$execute";
                self.expect(200, Method::POST, path, Some(body))
                    .await
                    .map(drop)
            }
        }
    }
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    memory: u64,
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn of(server: &Server) -> Result<Self> {
        let count = |what: &str| -> Result<usize> {
            Ok(std::fs::read_dir(format!("/proc/{}/{what}", server.pid()))?.count())
        };
        Ok(Self {
            memory: server.rss_kib()?,
            descriptors: count("fd")?,
            threads: count("task")?,
        })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let program = arguments.next().context("which program?")?;
    let minutes: u64 = arguments.next().context("how many minutes?")?.parse()?;
    let test = TestDatabase::sqlite();
    let url = arguments.next().unwrap_or_else(|| test.url().to_owned());
    let folder = test.folder().to_owned();
    let server = Server::start_program(
        Path::new(&program),
        [
            ("DATABASE_URL", url.as_str()),
            ("LOG_LEVEL", "warn"),
            ("ARTIFACTS_DIR", &folder.join("content").to_string_lossy()),
        ],
    )?;
    let load = Load {
        client: Client::new(),
        url: server.base_url().into(),
        steps: Arc::default(),
    };
    let steps = Arc::clone(&load.steps);
    let running = tokio::spawn(load::run(
        CLIENTS,
        Duration::from_secs(60 * minutes),
        move |client, step| {
            let load = load.clone();
            async move { load.step(client, step).await }
        },
    ));
    println!("| minute | steps | memory, KiB | descriptors | threads |");
    println!("| --- | --- | --- | --- | --- |");
    let mut all = Vec::new();
    for minute in 1..=minutes {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let held = Held::of(&server)?;
        all.push(held);
        println!(
            "| {minute} | {} | {} | {} | {} |",
            steps.load(Ordering::Relaxed),
            held.memory,
            held.descriptors,
            held.threads
        );
        if running.is_finished() {
            break;
        }
    }
    running.await.context("the load panicked")??;
    let (first, rest) = all.split_at((all.len() / 4).max(1));
    let most = |of: &[Held], what: fn(&Held) -> u64| of.iter().map(what).max().unwrap_or(0);
    let grown = |what: fn(&Held) -> u64| most(rest, what).saturating_sub(most(first, what));
    let memory = grown(|held| held.memory);
    let descriptors = grown(|held| held.descriptors as u64);
    let threads = grown(|held| held.threads as u64);
    println!(
        "after the first {} minutes: {memory} KiB, {descriptors} descriptors, {threads} threads more",
        first.len()
    );
    ensure!(memory <= MEMORY, "memory grows: {memory} KiB");
    ensure!(descriptors <= FEW as u64, "{descriptors} descriptors more");
    ensure!(threads <= FEW as u64, "{threads} threads more");
    Ok(())
}
