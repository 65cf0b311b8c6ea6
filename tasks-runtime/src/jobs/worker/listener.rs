//! Hears of jobs that other processes submit.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::shared::WorkerShared;

/// Listens to PostgreSQL, for as long as the task is not aborted. With SQLite there is nothing to listen to: the driver looks
/// now and then.
#[cfg(feature = "postgres")]
pub(in crate::jobs) fn listen(shared: Arc<WorkerShared>) -> Option<JoinHandle<()>> {
    use std::time::Duration;

    use futures_util::StreamExt as _;

    let database = shared.session.database().clone();
    let server = database.postgres_server()?;
    Some(tokio::spawn(async move {
        let mut pause = Duration::from_millis(200);
        // Through a pooler nothing is heard: the driver looks each second.
        while !server.pooler.is_there() {
            if let Ok(notifications) = server.listen(crate::jobs::store::CHANNEL).await {
                let mut notifications = std::pin::pin!(notifications);
                pause = Duration::from_millis(200);
                // What was submitted while nobody listened.
                shared.wake.notify_one();
                while notifications.next().await.is_some() {
                    shared.wake.notify_one();
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }))
}

/// With SQLite there is nothing to listen to: the driver looks now and then.
#[cfg(not(feature = "postgres"))]
pub(in crate::jobs) fn listen(_: Arc<WorkerShared>) -> Option<JoinHandle<()>> {
    None
}
