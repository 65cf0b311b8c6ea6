//! What most programs need: `use tasks_web::prelude::*;`.

pub use tasks_runtime::prelude::*;

pub use crate::{
    ApiKey, ApiKeys, Cors, HealthChecks, OpenApi, Problem, Service, ServiceError, ServiceInfo,
    TaskScope,
};
