//! Mounts artifacts in an actix app.

use std::fmt;
use std::time::Duration;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::Method;
use actix_web::web;
use tasks_runtime::artifacts::ArtifactManager;

use super::state::{Options, State};
use super::{download, handlers, query, update as change, upload};
use crate::http::{Takes, Verbs};

/// Serves the artifacts of a manager below `prefix`.
///
/// | path | answer |
/// | --- | --- |
/// | `POST {prefix}` | saves one, with JSON |
/// | `POST {prefix}/$upload` | saves one, with bytes: a multipart form or the body itself |
/// | `GET {prefix}` | all, oldest first and without data; `?page=&size=` gives pages |
/// | `GET`, `PUT`, `PATCH`, `DELETE {prefix}/{id}` | one |
/// | `GET {prefix}/{id}/$expand`, `…/$tree` | one with the name of its level; all below it |
/// | `GET {prefix}/{id}/$download`, `…/$metadata` | its bytes; what is known about them |
/// | `GET {prefix}/$schema`, `…/$stats` | JSON Schema; how many there are |
///
/// ```no_run
/// use actix_web::{App, HttpServer};
/// use tasks_web::prelude::*;
///
/// #[actix_web::main]
/// async fn main() -> anyhow::Result<()> {
///     let database = Database::sqlite("tasks.db").connect().await?;
///     let manager = ArtifactManager::builder(database).build()?;
///     HttpServer::new(move || App::new().service(tasks_web::artifacts("/api/v1/artifacts", manager.clone())))
///         .bind(("127.0.0.1", 8000))?
///         .run()
///         .await?;
///     Ok(())
/// }
/// ```
#[must_use]
pub fn artifacts(prefix: &str, manager: ArtifactManager) -> ArtifactScope {
    ArtifactScope {
        prefix: format!("/{}", prefix.trim_matches('/')),
        manager,
        options: Options::default(),
    }
}

/// Artifacts to be mounted in an actix app, made by [`artifacts`]. Cheap to clone.
#[derive(Clone)]
pub struct ArtifactScope {
    prefix: String,
    manager: ArtifactManager,
    options: Options,
}

impl fmt::Debug for ArtifactScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArtifactScope")
            .field("prefix", &self.prefix)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl ArtifactScope {
    /// Lets nobody save new ones: `POST` is answered by 405.
    #[must_use]
    pub fn without_create(mut self) -> Self {
        self.options.create = false;
        self
    }

    /// Lets nobody read: `GET` is answered by 405, or by 404 where there is nothing else.
    #[must_use]
    pub fn without_read(mut self) -> Self {
        self.options.read = false;
        self
    }

    /// Lets nobody change one: `PUT` and `PATCH` are answered by 405.
    #[must_use]
    pub fn without_update(mut self) -> Self {
        self.options.update = false;
        self
    }

    /// Lets nobody delete one: `DELETE` is answered by 405.
    #[must_use]
    pub fn without_delete(mut self) -> Self {
        self.options.delete = false;
        self
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// How many bytes a JSON body may have; more is answered by 413. Defaults to 2 MiB.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.options.body.bytes = bytes;
        self
    }

    /// How long a JSON body may take to arrive, and how long an upload may pause; longer is answered by 408. Defaults to
    /// 30 seconds.
    #[must_use]
    pub fn body_timeout(mut self, time: Duration) -> Self {
        self.options.body.time = time;
        self
    }

    /// How many bytes an upload may have; more is answered by 413. Defaults to 1 GiB.
    #[must_use]
    pub fn upload_limit(mut self, bytes: u64) -> Self {
        self.options.upload_limit = bytes;
        self
    }
}

impl HttpServiceFactory for ArtifactScope {
    fn register(self, config: &mut AppService) {
        let options = self.options.clone();
        let state = web::Data::new(State {
            prefix: self.prefix.clone(),
            manager: self.manager,
            options: self.options,
        });
        let at = |rest: &str| {
            Verbs::at(web::resource(format!("{}{rest}", self.prefix)).app_data(state.clone()))
        };
        let Options {
            create,
            read,
            update,
            delete,
            ..
        } = options;

        // Before the ids, which would take their places.
        at("/$upload")
            .on(
                create,
                Method::POST,
                Takes::query(upload::QUERY),
                upload::upload,
            )
            .register(config);
        at("/$schema")
            .get(read, &[], handlers::schema)
            .register(config);
        at("/$stats")
            .get(read, &[], handlers::stats)
            .register(config);
        at("")
            .get(read, query::LIST, handlers::list)
            .on(create, Method::POST, Takes::body(), handlers::create)
            .register(config);
        at("/{id}/$expand")
            .get(read, &[], handlers::expand)
            .register(config);
        at("/{id}/$tree")
            .get(read, &[], handlers::tree)
            .register(config);
        at("/{id}/$metadata")
            .get(read, &[], handlers::metadata)
            .register(config);
        at("/{id}/$download")
            .get(read, &[], download::download)
            .register(config);
        at("/{id}")
            .get(read, &[], handlers::get)
            .on(update, Method::PUT, Takes::body(), change::replace)
            .on(update, Method::PATCH, Takes::body(), change::patch)
            .on(delete, Method::DELETE, Takes::nothing(), change::delete)
            .register(config);
    }
}
