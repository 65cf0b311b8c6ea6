//! Many clients at once, for a while.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Most clients that one run may have: each has a socket on both sides, and a process may open about a thousand.
const MOST_CLIENTS: usize = 256;

/// Runs clients at the same time, each one step after the other, until the time is up: the last step of each is finished,
/// none is begun. Returns how many steps each client has made.
///
/// A step is told which client it is of and how many steps that client has made before, both from 0.
///
/// ```
/// # use std::time::Duration;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let steps = tasks_tests::load::run(4, Duration::from_millis(20), |_client, _step| async {
///     tokio::time::sleep(Duration::from_millis(1)).await;
///     anyhow::Ok(())
/// })
/// .await?;
/// assert_eq!(steps.len(), 4);
/// # anyhow::Ok(()) }).unwrap();
/// ```
///
/// # Errors
///
/// If a step fails or panics, with the client and the step; all clients end where they are.
///
/// # Panics
///
/// If there are no clients or more than 256.
pub async fn run<F, S>(clients: usize, duration: Duration, step: F) -> Result<Vec<u64>>
where
    F: Fn(usize, u64) -> S + Clone + Send + 'static,
    S: Future<Output = Result<()>> + Send,
{
    assert!(
        (1..=MOST_CLIENTS).contains(&clients),
        "{clients} clients: there may be 1 to {MOST_CLIENTS}"
    );
    let end = Instant::now() + duration;
    let mut running = JoinSet::new();
    for client in 0..clients {
        let step = step.clone();
        running.spawn(async move {
            let mut done = 0;
            while Instant::now() < end {
                step(client, done)
                    .await
                    .with_context(|| format!("client {client}, step {done}"))?;
                done += 1;
            }
            anyhow::Ok((client, done))
        });
    }
    let mut steps = vec![0; clients];
    // Dropping the set, as an error does, aborts the others.
    while let Some(ended) = running.join_next().await {
        let (client, done) = ended.context("a client panicked")??;
        steps[client] = done;
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anyhow::bail;
    use tokio::sync::Barrier;

    use super::*;

    #[tokio::test]
    async fn all_clients_run_at_the_same_time() {
        // Nobody gets past it alone.
        let barrier = Arc::new(Barrier::new(8));
        let error = run(8, Duration::from_secs(3600), move |_, _| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait().await;
                bail!("all are here")
            }
        })
        .await
        .expect_err("every step fails");
        assert_eq!(error.root_cause().to_string(), "all are here");
    }

    #[tokio::test(start_paused = true)]
    async fn steps_are_made_until_the_time_is_up_and_the_last_is_finished() {
        let finished = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&finished);
        let steps = run(2, Duration::from_millis(25), move |_, _| {
            let counter = Arc::clone(&counter);
            async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                counter.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        })
        .await
        .expect("no step fails");
        assert_eq!(steps, [3, 3]);
        assert_eq!(finished.load(Ordering::Relaxed), 6);
    }

    #[tokio::test]
    async fn an_error_ends_the_run_and_says_where() {
        let error = run(3, Duration::from_secs(3600), |client, step| async move {
            match (client, step) {
                (1, 2) => bail!("out of paper"),
                (1, _) => Ok(()),
                _ => std::future::pending().await,
            }
        })
        .await
        .expect_err("a step fails");
        assert_eq!(format!("{error:#}"), "client 1, step 2: out of paper");
    }
}
