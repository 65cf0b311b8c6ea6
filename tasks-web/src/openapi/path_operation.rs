//! Operations that are not a task's.

use std::sync::Arc;

use actix_web::http::Method;
use serde_json::Value;

use super::writer::Writer;

/// One operation of the document besides those of tasks.
#[derive(Clone)]
pub(crate) struct PathOperation {
    /// Template of the path: `/api/v1/things/{id}`.
    pub(super) path: String,
    /// In lower case.
    pub(super) method: String,
    /// Whether it is answered without a key.
    pub(super) open: bool,
    write: Write,
}

type Write = Arc<dyn Fn(&mut Writer<'_>) -> Value + Send + Sync>;

impl PathOperation {
    /// An operation as `write` writes it, once for each version of the document.
    pub(crate) fn new(
        method: &Method,
        path: String,
        open: bool,
        write: impl Fn(&mut Writer<'_>) -> Value + Send + Sync + 'static,
    ) -> Self {
        Self {
            path,
            method: method.as_str().to_ascii_lowercase(),
            open,
            write: Arc::new(write),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> Value {
        (self.write)(writer)
    }
}
