//! The OpenAPI document of the tasks, and its UI.

mod components;
mod description;
mod dialect;
mod document;
mod example;
mod failures;
mod generator_names;
mod names;
mod openapi_3_0;
mod operation;
mod path_operation;
mod problems;
mod references;
mod rustdoc_links;
mod security;
mod service;
mod shared_responses;
mod type_origin;
mod ui;
mod variants;
mod version;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::access::Access;
use crate::http::Document;
use crate::service_info::ServiceInfo;
use description::Description;
pub(crate) use description::{Mount, WriteSubmit};
pub(crate) use operation::LIST_QUERY;
pub(crate) use path_operation::PathOperation;
#[cfg(feature = "database")]
pub(crate) use problems::{ANOTHER_METHOD, DATABASE_FAILED};
pub(crate) use problems::{
    PRECONDITION, REPEATED_HEADER, STORAGE_FULL, StatusText, UNKNOWN_PARAMETER, WRITE_HEADERS,
};
pub(crate) use rustdoc_links::plain as without_rustdoc_links;
use serde_json::Value;
use version::Version;
pub(crate) use writer::{Schema, Writer};

/// Describes tasks by [OpenAPI 3.1](https://spec.openapis.org/oas/v3.1.1.html), one operation per task, and shows the
/// description in Swagger UI. Mount it in an actix app; a single [`scope`](crate::scope) mounts one by itself.
///
/// | path | answer |
/// | --- | --- |
/// | `GET /openapi.json` | the document; `?version=3.0` for generators that cannot read 3.1 |
/// | `GET /docs` | Swagger UI, from files that are part of the program |
///
/// ```
/// use actix_web::App;
/// use tasks_web::prelude::*;
///
/// #[task(register = false)]
/// async fn ping() -> &'static str {
///     "pong"
/// }
/// let executor = TaskExecutor::builder(TaskRegistry::builder().task(ping).build()?).build()?;
/// let public = tasks_web::scope("/api/tasks", executor.clone()).without_docs();
/// let internal = tasks_web::scope("/internal/tasks", executor).without_docs();
/// let api = OpenApi::new("My service", "1.2.3").scope(&public).scope(&internal);
/// assert!(api.document()["paths"]["/api/tasks/ping/$execute"].is_object());
///
/// let app = App::new().service(public).service(internal).service(api);
/// # let _ = app;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct OpenApi {
    description: Description,
    path: String,
    ui_path: Option<String>,
    /// Whether a reader sees only the tasks that its key reaches.
    guarded: bool,
    cache: Cache,
}

/// The documents as they were first served, shared by the clones of one [`OpenApi`].
#[derive(Clone, Default)]
struct Cache(Arc<CachedDocuments>);

#[derive(Default)]
struct CachedDocuments {
    whole: OnceLock<ServedDocuments>,
    /// What keys with limits see, by the tags they are limited to.
    limited: Mutex<BTreeMap<Vec<String>, Arc<ServedDocuments>>>,
}

struct ServedDocuments {
    /// Where the document was mounted.
    base: String,
    documents: [Document; 2],
}

impl fmt::Debug for OpenApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenApi")
            .field("title", &self.description.title)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl OpenApi {
    /// A document without tasks.
    #[must_use]
    pub fn new(title: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            description: Description {
                title: title.into(),
                version: version.into(),
                text: None,
                mounts: Vec::new(),
                service: None,
                operations: Vec::new(),
                key_header: None,
            },
            path: "/openapi.json".to_owned(),
            ui_path: Some("/docs".to_owned()),
            guarded: false,
            cache: Cache::default(),
        }
    }

    /// What the service is for; CommonMark.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description.text = Some(text.into());
        self.changed()
    }

    /// Where the document is served. Defaults to `/openapi.json`.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = absolute(path);
        self
    }

    /// Where the UI is served. Defaults to `/docs`; `/` leads to it there.
    #[must_use]
    pub fn ui_path(mut self, path: &str) -> Self {
        self.ui_path = Some(absolute(path));
        self
    }

    /// Serves the document alone.
    #[must_use]
    pub fn without_ui(mut self) -> Self {
        self.ui_path = None;
        self
    }

    /// The OpenAPI 3.1 document, as served at the root.
    #[must_use]
    pub fn document(&self) -> Value {
        document::build(&self.description, "", Version::V3_1, None)
    }

    /// The OpenAPI 3.0 document, for generators that cannot read 3.1. It leaves out what some of them have no words for: a second
    /// type of a body, an answer without a body beside one with, an error that is no problem.
    #[must_use]
    pub fn document_3_0(&self) -> Value {
        document::build(&self.description, "", Version::V3_0, None)
    }

    /// Adds tasks that are served.
    pub(crate) fn mount(mut self, mount: Mount) -> Self {
        self.description.mounts.push(mount);
        self.changed()
    }

    /// The cache is of another document.
    fn changed(mut self) -> Self {
        self.cache = Cache::default();
        self
    }

    /// Adds what a service has beside its tasks.
    pub(crate) fn service(mut self, info: ServiceInfo, operations: Vec<PathOperation>) -> Self {
        self.description.service = Some(info);
        self.description.operations = operations;
        self.changed()
    }

    /// Says that keys come in this header. When `guarded`, a reader with a limited key sees its tasks alone.
    pub(crate) fn keys(mut self, header: &str, guarded: bool) -> Self {
        self.description.key_header = Some(header.to_owned());
        self.guarded = guarded;
        self.changed()
    }

    /// The document for a mount at `base`, which is made once for each set of tasks that a reader may see.
    fn served(&self, base: &str, version: Version, reader: Option<&Access>) -> Document {
        let make = || ServedDocuments::new(&self.description, base, reader);
        let Some(tags) = reader.and_then(Access::tags) else {
            return match self.cache.0.whole.get_or_init(make) {
                served if served.base == base => served.get(version),
                // The same value mounted a second time, elsewhere.
                _ => make().get(version),
            };
        };
        let mut limited = self
            .cache
            .0
            .limited
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let served = limited
            .entry(tags.to_vec())
            .or_insert_with(|| Arc::new(make()));
        if served.base != base {
            *served = Arc::new(make());
        }
        served.get(version)
    }
}

impl OpenApi {
    /// The document as a reader sees it, mounted at the root.
    pub(crate) fn json_for(&self, reader: Option<&Access>) -> actix_web::web::Bytes {
        let reader = reader.filter(|_| self.guarded);
        self.served("", Version::V3_1, reader).json
    }
}

/// A value that fits a schema that stands alone, made of its examples and defaults where it has some.
pub(crate) fn example_of(schema: &Value) -> Option<Value> {
    example::of(schema, &|name| schema.get("$defs")?.get(name).cloned())
}

impl ServedDocuments {
    fn new(description: &Description, base: &str, reader: Option<&Access>) -> Self {
        let make = |version| write(&document::build(description, base, version, reader));
        Self {
            base: base.to_owned(),
            documents: [make(Version::V3_1), make(Version::V3_0)],
        }
    }

    fn get(&self, version: Version) -> Document {
        self.documents[usize::from(version == Version::V3_0)].clone()
    }
}

fn write(document: &Value) -> Document {
    Document::new(document.to_string().into_bytes()).compressible()
}

fn absolute(path: &str) -> String {
    format!("/{}", path.trim_matches('/'))
}
