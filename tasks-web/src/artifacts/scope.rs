//! Mounts artifacts in an actix app.

use std::fmt;
use std::time::Duration;

use actix_web::dev::{AppService, HttpServiceFactory};
use tasks_runtime::artifacts::ArtifactManager;

use super::endpoints;
use super::state::{ArtifactOptions, ArtifactRoutes};
use crate::endpoint::Endpoints;

/// Serves the artifacts of a manager below `prefix`.
///
#[doc = include_str!("artifacts.md")]
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
        options: ArtifactOptions::default(),
    }
}

/// Artifacts to be mounted in an actix app, made by [`artifacts`]. Cheap to clone.
#[derive(Clone)]
pub struct ArtifactScope {
    prefix: String,
    manager: ArtifactManager,
    options: ArtifactOptions,
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

    /// The endpoints, of which some may be off.
    pub(crate) fn endpoints(&self) -> Endpoints {
        endpoints::endpoints(&self.prefix, &self.options)
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
        let endpoints = self.endpoints();
        let state = ArtifactRoutes {
            prefix: self.prefix,
            manager: self.manager,
            options: self.options,
        };
        endpoints.state(state).register(config);
    }
}
