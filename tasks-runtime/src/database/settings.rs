//! How many connections there are, and how long anything may take.

use std::fmt;
use std::time::Duration;

use deadpool::managed::{self, PoolError, QueueMode};

use super::backend::Backend;
use super::error::DatabaseError;
use super::lent_connection;

/// Sizes and times of a database.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) max_connections: usize,
    pub(super) acquire_timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) statement_timeout: Option<Duration>,
    pub(super) transaction_timeout: Option<Duration>,
    pub(super) read_timeout: Option<Duration>,
    /// Whether PostgreSQL keeps prepared statements; `None` when it is to be found out.
    #[cfg_attr(
        not(feature = "postgres"),
        allow(dead_code, reason = "only a server is asked")
    )]
    pub(super) prepared_statements: Option<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 10,
            acquire_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Some(Duration::from_secs(30)),
            transaction_timeout: Some(Duration::from_secs(5)),
            read_timeout: Some(Duration::from_secs(30)),
            prepared_statements: None,
        }
    }
}

impl Settings {
    pub(super) fn pool<M: lent_connection::Manager>(
        &self,
        manager: M,
        size: usize,
        queue: QueueMode,
    ) -> Result<managed::Pool<M>, DatabaseError> {
        managed::Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(self.acquire_timeout))
            .create_timeout(Some(self.connect_timeout))
            .recycle_timeout(Some(self.connect_timeout))
            .queue_mode(queue)
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| DatabaseError::Configuration(error.to_string()))
    }

    pub(super) fn pool_error<E: fmt::Display>(
        &self,
        backend: Backend,
        url: &str,
        error: PoolError<E>,
    ) -> DatabaseError {
        let unavailable = |reason: String| DatabaseError::Unavailable {
            backend,
            url: url.to_owned(),
            reason,
        };
        match error {
            PoolError::Timeout(managed::TimeoutType::Wait) => DatabaseError::Busy {
                waited: self.acquire_timeout,
                size: self.max_connections,
            },
            PoolError::Timeout(_) => {
                unavailable(format!("no connection within {:?}", self.connect_timeout))
            }
            PoolError::Backend(error) => unavailable(error.to_string()),
            PoolError::Closed => DatabaseError::Closed,
            error => unavailable(error.to_string()),
        }
    }

    /// How long any closure may keep a connection.
    #[cfg_attr(
        not(feature = "postgres"),
        allow(dead_code, reason = "only a server asks")
    )]
    pub(super) fn longest_hold(&self) -> Option<Duration> {
        Some(self.transaction_timeout?.max(self.read_timeout?))
    }
}
