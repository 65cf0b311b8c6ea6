//! Serves tasks over HTTP.
//!
//! [`scope`] mounts the tasks of an executor in an actix app; [`OpenApi`] describes them, and shows the description.
//! Everything of `tasks-runtime` is re-exported, so an application depends on this crate alone.

// So that generated code finds the crate from within it: its tests and documentation use the macros, too.
#[allow(unused_extern_crates, reason = "used by generated code")]
extern crate self as tasks_web;

#[cfg(feature = "database")]
pub mod artifacts;
mod auth;
mod cors;
mod health;
mod http;
#[cfg(feature = "database")]
pub mod jobs;
mod landing;
mod logging;
mod monitoring;
mod openapi;
pub mod prelude;
mod problem;
mod service;
mod system;
mod tasks;

#[doc(hidden)]
pub use tasks_runtime::__private;
#[doc(inline)]
pub use tasks_runtime::*;

#[cfg(feature = "database")]
pub use crate::artifacts::{ArtifactScope, artifacts};
pub use crate::auth::{Access, ApiKey, ApiKeys};
pub use crate::cors::Cors;
pub use crate::health::{HealthChecks, HealthState};
#[cfg(feature = "database")]
pub use crate::jobs::{JobScope, jobs};
pub use crate::openapi::OpenApi;
pub use crate::problem::Problem;
#[cfg(feature = "database")]
pub use crate::service::{Artifacts, DatabaseSource};
pub use crate::service::{
    BuildProblems, Contact, License, RequestId, Service, ServiceBuilder, ServiceError, ServiceInfo,
};
pub use crate::tasks::{TaskScope, scope};
