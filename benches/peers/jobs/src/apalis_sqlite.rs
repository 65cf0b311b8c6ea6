//! `apalis-sqlite`, with every commit on the disk, as in the queue it is compared with.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use apalis::prelude::*;
use apalis_sqlite::{Config, SqliteStorage};
use futures::stream;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::{BATCH, Figures, JOBS, SINGLE, per_second};

/// After this much it is said how far it came.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct Done(Arc<AtomicUsize>);

async fn nothing(n: usize, done: Data<Done>) -> Result<usize, BoxDynError> {
    done.0.0.fetch_add(1, Ordering::Relaxed);
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

    let done = Done(Arc::default());
    let began = Instant::now();
    let worker = WorkerBuilder::new("bench")
        .backend(storage())
        .data(done.clone())
        .concurrency(32)
        .build(nothing);
    let running = tokio::spawn(worker.run());
    loop {
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM jobs WHERE status <> 'Done'")
            .fetch_one(&pool)
            .await?;
        if left == 0 || began.elapsed() > TIMEOUT {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let drained = per_second(done.0.load(Ordering::Relaxed), began);

    running.abort();

    let began = Instant::now();
    for n in 0..SINGLE {
        client.push(n).await?;
    }
    Ok(Figures {
        drained,
        submitted,
        single: per_second(SINGLE, began),
        // How soon its workers look depends on a strategy that is to be chosen.
        starts: Vec::new(),
    })
}
