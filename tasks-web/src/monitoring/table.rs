//! Everything that a service measures.

use tasks_runtime::measure::Metric;

/// What this crate measures.
const OWN: &[Metric] = &[
    Metric::counter(
        "http_requests_total",
        &["method", "route", "status"],
        "Answers. The route is a template; paths that nobody answers are `unmatched`.",
    ),
    Metric::histogram(
        "http_request_duration_seconds",
        &["method", "route"],
        "Time to the head of the answer, in seconds.",
    ),
    Metric::gauge(
        "tasks_database_connections",
        &["state"],
        "Connections that are idle or lent, and callers that are waiting for one.",
    ),
    Metric::counter(
        "tasks_log_lines_lost_total",
        &[],
        "Lines of the log that could not be written.",
    ),
];

fn all() -> impl Iterator<Item = &'static Metric> {
    OWN.iter().chain(tasks_runtime::measure::METRICS)
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
