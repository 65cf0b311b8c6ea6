//! The line that each request has in the log.

use std::time::Duration;

use actix_web::http::Method;

use super::request_id::RequestId;

/// Writes it: at `info`, for a server that refuses at `warn`, for one that failed at `error`.
pub(super) fn write(
    id: &RequestId,
    method: &Method,
    route: Option<&str>,
    path: &str,
    status: u16,
    elapsed: Duration,
) {
    /// The level is a part of what the macro makes, so there is one of it per level.
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "tasks_web::request",
                request_id = id.as_str(),
                method = method.as_str(),
                route,
                path,
                status,
                duration_ms = millis(elapsed),
                "request"
            )
        };
    }
    match status {
        503 => line!(warn),
        500.. => line!(error),
        _ => line!(info),
    }
}

/// With microseconds as decimals, and no more.
fn millis(elapsed: Duration) -> f64 {
    let micros = u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}
