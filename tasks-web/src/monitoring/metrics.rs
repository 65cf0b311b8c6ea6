//! The metrics of this crate, and with them all metrics of a service.

use tasks_runtime::metrics::Metric;

pub(crate) const HTTP_REQUESTS: Metric = Metric::counter(
    "http_requests_total",
    &["method", "route", "status"],
    "Answers. The route is a template; paths that nobody answers are `unmatched`.",
);
pub(crate) const HTTP_REQUEST_DURATION: Metric = Metric::histogram(
    "http_request_duration_seconds",
    &["method", "route"],
    "Time to the head of the answer, in seconds.",
);
pub(crate) const DATABASE_CONNECTIONS: Metric = Metric::gauge(
    "tasks_database_connections",
    &["state"],
    "Open connections of the pool that are idle or used; in SQLite, those that read.",
);
pub(crate) const DATABASE_CONNECTION_WAITERS: Metric = Metric::gauge(
    "tasks_database_connection_waiters",
    &[],
    "Callers that wait for a connection of the pool.",
);
pub(crate) const LOG_LINES_LOST: Metric = Metric::counter(
    "tasks_log_lines_lost_total",
    &[],
    "Lines of the log that could not be written.",
);

/// All metrics of this crate.
const METRICS: &[Metric] = &[
    HTTP_REQUESTS,
    HTTP_REQUEST_DURATION,
    DATABASE_CONNECTIONS,
    DATABASE_CONNECTION_WAITERS,
    LOG_LINES_LOST,
];

fn all() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().chain(tasks_runtime::metrics::METRICS)
}

/// Tells the recorder what each metric is.
pub(super) fn describe() {
    all().for_each(Metric::describe);
}

#[cfg(test)]
mod tests {
    use super::all;

    /// The table of the book is this one.
    #[test]
    fn the_book_lists_all_of_them() {
        let page = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../docs/book/src/reference/metrics.md"
        ));
        let rows: String = all()
            .map(|metric| {
                let labels: Vec<String> = metric
                    .labels
                    .iter()
                    .map(|label| format!("`{label}`"))
                    .collect();
                format!(
                    "| `{}` | {} | {} |\n",
                    metric.name,
                    labels.join(", "),
                    metric.help
                )
            })
            .collect();
        assert!(
            page.contains(&rows),
            "docs/book/src/reference/metrics.md has to have this:\n{rows}"
        );
    }
}
