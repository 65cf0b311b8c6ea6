//! Serves tasks over HTTP.
//!
//! [`scope`] mounts the tasks of an executor in an actix app; [`OpenApi`] describes them, and shows the description.
//! Everything of `tasks-runtime` is re-exported, so an application depends on this crate alone.

#![cfg_attr(docsrs, feature(doc_cfg))]

// So that generated code finds the crate from within it: its tests and documentation use the macros, too.
#[allow(unused_extern_crates, reason = "used by generated code")]
extern crate self as tasks_web;

/// The code in the page of the crate, compiled and run as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod access;
#[cfg(feature = "database")]
pub mod artifacts;
#[cfg(feature = "database")]
pub mod audit;
mod auth;
mod caller;
mod cors;
#[cfg(feature = "dashboard")]
mod dashboard;
#[cfg(feature = "database")]
pub mod database;
#[cfg_attr(
    not(feature = "database"),
    allow(dead_code, reason = "most endpoints are of parts that store")
)]
mod endpoint;
mod health;
mod health_checks;
mod hooks;
mod html;
mod http;
#[cfg(feature = "database")]
pub mod jobs;
mod landing;
mod logging;
#[cfg_attr(
    not(feature = "database"),
    allow(dead_code, reason = "much of it is about jobs")
)]
pub mod mcp;
mod monitoring;
mod open_files;
mod openapi;
mod part;
pub mod prelude;
mod problem;
mod service;
mod service_info;
mod system;
mod tasks;

#[doc(hidden)]
pub use tasks_runtime::__private;
#[doc(inline)]
pub use tasks_runtime::{
    ArgumentError, ArgumentErrorCode, BoundIntegers, BuildError, Call, Caller, EventInfo,
    ExecuteError, ExecutedJson, ExecutorBuilder, FailureCode, FailureCodeInfo, FailureCodes,
    InjectError, Injectable, Injection, Injector, IntoArgumentErrors, IntoTaskFailure, IntoTaskFn,
    InvalidArguments, MissingDependency, ParameterInfo, Permanent, Refusal, RegisteredTask,
    RegistryBuilder, RegistryError, RegistryProblem, RequestParam, Requirements, State,
    TaskContext, TaskError, TaskExecutor, TaskFailure, TaskFn, TaskHints, TaskInfo, TaskOutput,
    TaskRegistry, TitleVariants, Traceback, UnknownLimit, WriteSchema, call, failure_codes,
    run_program, run_shell, shell, task, testing,
};
#[cfg(feature = "database")]
#[doc(inline)]
pub use tasks_runtime::{
    Artifact, ArtifactError, ArtifactHierarchy, ArtifactManager, Database, DatabaseError,
    InvalidId, JobError, JobRecord, JobStatus, Jobs, NewArtifact, Scheduler, Session, TaskReport,
    Transaction, with_conn,
};

pub use crate::access::Access;
#[cfg(feature = "database")]
pub use crate::artifacts::{ArtifactScope, Artifacts, artifacts};
pub use crate::auth::{ApiKey, ApiKeys};
pub use crate::cors::Cors;
#[cfg(feature = "database")]
pub use crate::database::DatabaseSource;
pub use crate::health_checks::{HealthChecks, HealthState};
pub use crate::http::RequestId;
#[cfg(feature = "database")]
pub use crate::jobs::{JobScope, jobs};
pub use crate::openapi::OpenApi;
pub use crate::problem::Problem;
pub use crate::service::{BuildProblems, Service, ServiceBuilder, ServiceError};
pub use crate::service_info::{Contact, License, ServiceInfo};
pub use crate::tasks::{TaskScope, scope};
