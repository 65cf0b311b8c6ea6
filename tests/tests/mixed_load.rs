//! Many clients write, read, move and delete artifacts at once, for a while.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tasks_tests::app::Running;
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, load, on_both_databases};
use tasks_web::prelude::*;

const CLIENTS: usize = 64;
const TIME: Duration = Duration::from_secs(30);

/// What one client knows: each of its artifacts by id, with the data that was acknowledged last; `None` once deleted.
type Known = HashMap<String, Option<Value>>;

#[derive(Clone)]
struct Clients {
    client: Client,
    url: String,
    known: Arc<Vec<Mutex<Known>>>,
}

impl Clients {
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// One of a client's artifacts.
    fn one_of(&self, client: usize, nth: u64) -> Option<String> {
        let known = self.known[client].lock().unwrap();
        let mut alive: Vec<&String> = known
            .iter()
            .filter(|(_, data)| data.is_some())
            .map(|(id, _)| id)
            .collect();
        alive.sort();
        let index = usize::try_from(nth).unwrap() % alive.len().max(1);
        alive.get(index).map(ToString::to_string)
    }

    fn knows(&self, client: usize, id: &str, data: Option<Value>) {
        self.known[client]
            .lock()
            .unwrap()
            .insert(id.to_owned(), data);
    }

    async fn step(self, client: usize, step: u64) -> Result<()> {
        // Spread, and the same in every run.
        let random = (client as u64 * 7919 + step).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        let mine = self.one_of(client, random);
        // Of anybody: it may be gone by the time it is asked for.
        let other = self.one_of((random % CLIENTS as u64) as usize, random / 7);
        match (random % 10, mine) {
            (0..=3, _) | (_, None) => {
                let data = json!({"client": client, "step": step, "text": "x".repeat((random % 3000) as usize)});
                let body = json!({"data": data, "parent_id": other});
                let (status, answer) = self.send(Method::POST, "", Some(&body)).await?;
                match status {
                    StatusCode::CREATED => {
                        self.knows(client, answer["id"].as_str().context("an id")?, Some(data));
                    }
                    // The parent is gone, or at the last level.
                    status => ensure!(
                        status == StatusCode::UNPROCESSABLE_ENTITY,
                        "{status}: {answer}"
                    ),
                }
            }
            (4..=6, Some(id)) => {
                let (status, answer) = self.send(Method::GET, &format!("/{id}"), None).await?;
                ensure!(status == StatusCode::OK, "{status}: {answer}");
                let expected = self.known[client].lock().unwrap()[&id].clone();
                ensure!(Some(&answer["data"]) == expected.as_ref(), "{answer}");
                if random.is_multiple_of(4) {
                    let (status, tree) = self
                        .send(Method::GET, &format!("/{id}/$tree"), None)
                        .await?;
                    ensure!(status == StatusCode::OK, "{status}: {tree}");
                }
            }
            (7..=8, Some(id)) => {
                let data = json!({"client": client, "step": step});
                let body = json!({"data": data, "parent_id": other});
                let (status, answer) = self
                    .send(Method::PUT, &format!("/{id}"), Some(&body))
                    .await?;
                match status {
                    StatusCode::OK => self.knows(client, &id, Some(data)),
                    // The new parent is gone, too deep, or below it.
                    status => ensure!(
                        matches!(
                            status,
                            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT
                        ),
                        "{status}: {answer}"
                    ),
                }
            }
            (_, Some(id)) => {
                let (status, answer) = self.send(Method::DELETE, &format!("/{id}"), None).await?;
                ensure!(status == StatusCode::NO_CONTENT, "{status}: {answer}");
                self.knows(client, &id, None);
            }
        }
        Ok(())
    }
}

async fn every_acknowledged_write_is_there(test: TestDatabase) {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let manager = ArtifactManager::builder(database.clone()).build().unwrap();
    let served = manager.clone();
    let app = Running::start(move |config| {
        config.service(tasks_web::artifacts("/artifacts", served.clone()));
    });
    let clients = Clients {
        client: http::client().unwrap(),
        url: app.url("/artifacts"),
        known: Arc::new((0..CLIENTS).map(|_| Mutex::default()).collect()),
    };
    let steps = {
        let clients = clients.clone();
        load::run(CLIENTS, TIME, move |client, step| {
            clients.clone().step(client, step)
        })
        .await
        .unwrap()
    };
    println!("{} steps", steps.iter().sum::<u64>());
    assert!(steps.iter().all(|steps| *steps > 0));

    // Everything that was acknowledged.
    let mut expected = 0;
    for known in clients.known.iter() {
        let known = known.lock().unwrap().clone();
        for (id, data) in known {
            let found = manager.find(id.parse().unwrap()).await.unwrap();
            let found = found.map(|artifact| artifact.json::<Value>().unwrap());
            assert_eq!(found, data, "{id}");
            expected += u64::from(data.is_some());
        }
    }
    assert_eq!(manager.count().await.unwrap(), expected);
    // The levels are those of the tree.
    let mut levels = HashMap::new();
    let mut after = None;
    loop {
        let list = manager.list(after, 100).await.unwrap();
        levels.extend(
            list.items
                .into_iter()
                .map(|artifact| (artifact.id, (artifact.parent_id, artifact.level))),
        );
        after = list.next;
        if after.is_none() {
            break;
        }
    }
    for (id, (parent, level)) in &levels {
        let above = parent.map(|parent| levels[&parent].1 + 1);
        assert_eq!(*level, above.unwrap_or(0), "{id}");
    }
    database.ping().await.unwrap();
}

on_both_databases!(every_acknowledged_write_is_there);
