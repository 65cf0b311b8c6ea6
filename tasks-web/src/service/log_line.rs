//! The line that each request has in the log.

use std::time::Duration;

use actix_web::http::Method;

use crate::http::RequestId;

/// What it says.
pub(super) struct RequestLogLine<'a> {
    pub(super) id: &'a RequestId,
    pub(super) method: &'a Method,
    pub(super) route: Option<&'a str>,
    pub(super) path: &'a str,
    /// The name of the key that the request came with.
    pub(super) key_name: Option<&'a str>,
    pub(super) status: u16,
    pub(super) elapsed: Duration,
}

/// Writes it: at `info`, for a server that refuses at `warn`, for one that failed at `error`.
pub(super) fn write(line: &RequestLogLine<'_>) {
    /// The level is a part of what the macro makes, so there is one of it per level.
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "tasks_web::request",
                request_id = line.id.as_str(),
                method = line.method.as_str(),
                route = line.route,
                path = line.path,
                key_name = line.key_name,
                status = line.status,
                duration_ms = millis(line.elapsed),
                "request"
            )
        };
    }
    match line.status {
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
