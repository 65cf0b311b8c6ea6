//! The OpenAPI document of the tasks, and its UI.

mod document;
mod example;
mod operation;
mod service;
mod ui;
mod version;

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tasks_runtime::TaskExecutor;

use crate::TaskScope;
use crate::tasks::Document;
use version::Version;

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
    cache: Cache,
}

/// What the document says besides the tasks.
#[derive(Clone)]
pub(crate) struct Description {
    title: String,
    version: String,
    text: Option<String>,
    mounts: Vec<Mount>,
}

/// Tasks and the path they are at.
#[derive(Clone)]
pub(crate) struct Mount {
    /// Where the scope is mounted; `None` when it is mounted beside the document.
    base: Option<String>,
    prefix: String,
    executor: TaskExecutor,
}

/// The documents as they were first served, shared by the clones of one [`OpenApi`].
#[derive(Clone, Default)]
struct Cache(Arc<OnceLock<Served>>);

struct Served {
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
            },
            path: "/openapi.json".to_owned(),
            ui_path: Some("/docs".to_owned()),
            cache: Cache::default(),
        }
    }

    /// What the service is for; CommonMark.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description.text = Some(text.into());
        self.changed()
    }

    /// Adds the tasks of a scope that is mounted at the same level as the document.
    #[must_use]
    pub fn scope(self, scope: &TaskScope) -> Self {
        self.mount(None, scope)
    }

    /// Adds the tasks of a scope that is mounted elsewhere: `base` is the path of the actix scope around it, `/v2` say.
    #[must_use]
    pub fn scope_at(self, base: &str, scope: &TaskScope) -> Self {
        self.mount(Some(base.trim_end_matches('/').to_owned()), scope)
    }

    fn mount(mut self, base: Option<String>, scope: &TaskScope) -> Self {
        self.description.mounts.push(Mount {
            base,
            prefix: scope.prefix().to_owned(),
            executor: scope.executor().clone(),
        });
        self.changed()
    }

    /// Where the document is served. `/openapi.json` unless set.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = absolute(path);
        self
    }

    /// Where the UI is served. `/docs` unless set; `/` leads to it there.
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
        document::build(&self.description, "", Version::V3_1)
    }

    /// The OpenAPI 3.0 document, for generators that cannot read 3.1.
    #[must_use]
    pub fn document_3_0(&self) -> Value {
        document::build(&self.description, "", Version::V3_0)
    }

    /// The cache is of another document.
    fn changed(mut self) -> Self {
        self.cache = Cache::default();
        self
    }

    /// The document for a mount at `base`, which is made once.
    fn served(&self, base: &str, version: Version) -> Document {
        let make = |version| write(&document::build(&self.description, base, version));
        let served = self.cache.0.get_or_init(|| Served {
            base: base.to_owned(),
            documents: [make(Version::V3_1), make(Version::V3_0)],
        });
        if served.base == base {
            return served.documents[usize::from(version == Version::V3_0)].clone();
        }
        // The same value mounted a second time, elsewhere.
        make(version)
    }
}

fn write(document: &Value) -> Document {
    Document::new(document.to_string().into_bytes())
}

fn absolute(path: &str) -> String {
    format!("/{}", path.trim_matches('/'))
}
