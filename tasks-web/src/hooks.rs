//! What runs before the first request and after the last one.

use std::error::Error;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

/// How long one hook may take at the end. A service that hangs while it is stopped is killed, and then nothing is closed.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

type HookResult = Result<(), Box<dyn Error + Send + Sync>>;

type Run = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = HookResult> + Send>> + Send + Sync>;

/// Something to do once, as often as it is asked for.
#[derive(Clone)]
pub(crate) struct Hook {
    run: Run,
    timeout: Duration,
}

impl Hook {
    pub(crate) fn new<F, Fut, E>(hook: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self {
            run: Arc::new(move || {
                let future = hook();
                Box::pin(async move { future.await.map_err(Into::into) })
            }),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// How long it may take at the end.
    #[cfg(feature = "database")]
    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(crate) async fn run(&self) -> HookResult {
        (self.run)().await
    }

    /// Runs it at the end, when there is nobody left to give an error to but the log.
    pub(crate) async fn finish(&self) {
        let timeout = self.timeout;
        let running = AssertUnwindSafe(async { self.run().await }).catch_unwind();
        match tokio::time::timeout(timeout, running).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::error!(%error, "a shutdown hook failed"),
            Ok(Err(_)) => tracing::error!("a shutdown hook panicked"),
            Err(_) => tracing::error!("a shutdown hook did not end within {timeout:?}"),
        }
    }
}
