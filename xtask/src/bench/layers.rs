//! Where instructions go: a tree of calls, and the layers that functions belong to.

use std::collections::BTreeMap;

/// A function with what it called.
#[derive(Default)]
pub(super) struct Node {
    /// Instructions of its own and of all below.
    pub(super) total: f64,
    pub(super) callees: BTreeMap<String, Self>,
}

/// Who a function belongs to, by its name.
pub(super) const LAYERS: [(&str, &[&str]); 6] = [
    ("the task", &["bench_service"]),
    ("tasks", &["tasks_web", "tasks_runtime"]),
    ("JSON", &["serde_json", "serde_core", "serde"]),
    (
        "actix: HTTP and routing",
        &[
            "actix_",
            "httparse",
            "http",
            "bytes",
            "mime",
            "hashbrown",
            "smallvec",
        ],
    ),
    (
        "tokio: sockets and timers",
        &["tokio", "mio", "futures_", "socket2"],
    ),
    ("the standard library", &[""]),
];

impl Node {
    pub(super) fn add(&mut self, frames: &[String], own: f64) {
        self.total += own;
        if let [first, rest @ ..] = frames {
            self.callees
                .entry(first.clone())
                .or_default()
                .add(rest, own);
        }
    }
}

/// The position in [`LAYERS`]; the last one takes the rest.
pub(super) fn layer(name: &str) -> usize {
    let name = name
        .trim_start_matches(['&', '*'])
        .trim_start_matches("mut ");
    LAYERS
        .iter()
        .position(|(_, prefixes)| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .unwrap_or(LAYERS.len() - 1)
}
