//! `apalis-sqlite`, with every commit on the disk, as in the queue it is compared with.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use apalis::prelude::*;
use apalis_sqlite::{Config, SqliteStorage};
use futures::stream;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::mpsc;

use crate::{BATCH, Figures, JOBS, SINGLE, per_second};

/// After this much it is said how far it came.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct Seen {
    done: Arc<AtomicUsize>,
    started: mpsc::UnboundedSender<Instant>,
}

async fn nothing(n: usize, seen: Data<Seen>) -> Result<usize, BoxDynError> {
    let _ = seen.started.send(Instant::now());
    seen.done.fetch_add(1, Ordering::Relaxed);
    Ok(n)
}

pub(crate) async fn measure(url: &str) -> Result<Figures> {
    let options = SqliteConnectOptions::from_str(url)?.create_if_missing(true);
    // Its set-up turns the synchronization of one connection off: that one is closed again.
    let pool = SqlitePoolOptions::new()
        .connect_with(options.clone())
        .await?;
    SqliteStorage::setup(&pool).await?;
    pool.close().await;
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new().connect_with(options).await?;
    let config = Config::default().queue("nothing").batch_size(100);
    let storage = || SqliteStorage::<usize>::new(&pool).with_config(config.clone());
    let mut client = storage();

    let began = Instant::now();
    for start in (0..JOBS).step_by(BATCH) {
        client
            .push_stream(&mut stream::iter(start..start + BATCH))
            .await?;
    }
    let submitted = per_second(JOBS, began);

    let (sender, mut started) = mpsc::unbounded_channel();
    let seen = Seen {
        done: Arc::default(),
        started: sender,
    };
    let began = Instant::now();
    let worker = WorkerBuilder::new("bench")
        .backend(storage())
        .data(seen.clone())
        .concurrency(32)
        .build(nothing);
    let running = tokio::spawn(worker.run());
    loop {
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM jobs WHERE status <> 'Done'")
            .fetch_one(&pool)
            .await?;
        if left == 0 || began.elapsed() > PATIENCE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let drained = per_second(seen.done.load(Ordering::Relaxed), began);

    while started.try_recv().is_ok() {}
    let mut starts = Vec::with_capacity(SINGLE);
    let singles = Instant::now();
    let mut single = Duration::ZERO;
    for n in 0..SINGLE {
        let began = Instant::now();
        client.push(n).await?;
        single += began.elapsed();
        starts.push(started.recv().await.context("the worker is gone")? - began);
        if singles.elapsed() > PATIENCE {
            break;
        }
    }
    running.abort();
    Ok(Figures {
        drained,
        submitted,
        single: starts.len() as f64 / single.as_secs_f64(),
        starts,
    })
}
