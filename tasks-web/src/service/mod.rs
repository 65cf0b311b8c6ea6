//! A service: tasks and what surrounds them, put together.

mod build;
mod builder;
mod conflicting_settings;
mod connection;
#[cfg(feature = "dashboard")]
mod dashboard;
mod documents;
mod draft;
mod error;
mod error_response;
mod executor;
mod fallback;
mod gate;
mod handle;
mod info;
mod inner;
mod keys;
mod listen;
mod log_line;
mod management;
mod middleware;
mod monitoring_parts;
mod page_parts;
mod paths;
mod response_body;
mod routing;
mod run;
mod server;
mod setting;
mod signals;
mod stdio;
#[cfg(feature = "database")]
mod storage_parts;

pub use builder::ServiceBuilder;
pub use error::{BuildProblems, ServiceError};
pub use handle::Service;
