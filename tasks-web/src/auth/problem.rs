//! Keys and sessions that are refused, as problems.

use std::time::Duration;

use actix_web::http::StatusCode;

use crate::problem::Problem;

impl Problem {
    /// Too many wrong keys came from an address.
    pub(super) fn too_many_attempts(wait: Duration) -> Self {
        // Whole seconds, rounded up: a client that waits as long as it is told is let in.
        let wait = Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        let detail = format!("too many wrong keys came from this address: wait {wait:?}");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", detail).retry_after(wait)
    }

    /// A key that may only look came with something that may change something.
    pub(super) fn read_only_key(name: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "read-only-key",
            format!("the key `{name}` is read-only: it may look, and change nothing"),
        )
    }

    /// A session of a browser came with a request of another page.
    pub(super) fn other_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross-site-request",
            "a page that is not this service's sent this with the session of a browser: send the key in its header"
                .to_owned(),
        )
    }
}
