//! What a task is and how it runs.
//!
//! Annotate a plain function with [`macro@task`], and a [`TaskRegistry`] finds it, a [`TaskExecutor`] runs it:
//!
//! ```standalone_crate
//! use serde::Serialize;
//! use serde_json::json;
//! use tasks_runtime::prelude::*;
//!
//! #[derive(Serialize)]
//! struct Greeting {
//!     message: String,
//! }
//!
//! /// Simple task that returns a greeting.
//! #[task(tags = ["demo", "simple"])]
//! async fn greet_user(
//!     /// Who to greet.
//!     #[task(default = "World")]
//!     name: String,
//! ) -> Greeting {
//!     Greeting { message: format!("Hello, {name}!") }
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let registry = TaskRegistry::discover()?;
//! assert_eq!(registry.info("greet_user")?.signature, "(name: String = \"World\") -> Greeting");
//!
//! let executor = TaskExecutor::builder(registry).build()?;
//! let greeting: serde_json::Value = executor.execute("greet_user", json!({"name": "Ada"})).await?;
//! assert_eq!(greeting["message"], "Hello, Ada!");
//!
//! // The task is still a plain function.
//! assert_eq!(greet_user("Grace".into()).await.message, "Hello, Grace!");
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! This crate knows nothing of HTTP: `tasks-web` serves what is defined here, and re-exports it.
//!
//! | module | concept |
//! | --- | --- |
//! | `task` | metadata, results, failures, the context |
//! | `registry` | which tasks there are |
//! | `inject` | values from the server |
//! | `arguments` | values from the request |
//! | `execute` | permits, timeouts, panics, the blocking pool |
//! | `artifacts` | what tasks store |
//! | `jobs` | tasks in the background |
//! | `database` | SQLite and PostgreSQL, sessions, migrations |
//! | [`shell`] | commands and programs |
//! | [`testing`] | help for tests |

#![cfg_attr(docsrs, feature(doc_cfg))]

// So that generated code finds the crate from within it: its tests and documentation use the macros, too.
#[allow(unused_extern_crates, reason = "used by generated code")]
extern crate self as tasks_runtime;

/// The code in the page of the crate, compiled and run as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[doc(hidden)]
#[path = "private.rs"]
#[allow(missing_docs, reason = "not public")]
pub mod __private;
mod arguments;
#[cfg(feature = "database")]
pub mod artifacts;
#[cfg(feature = "database")]
pub mod audit;
mod call;
mod context;
#[cfg(feature = "database")]
pub mod database;
#[cfg(feature = "database")]
mod digest;
mod execute;
#[cfg(feature = "database")]
mod file_id;
#[cfg(feature = "database")]
mod id;
mod inject;
#[cfg(feature = "database")]
pub mod jobs;
#[cfg(feature = "metrics")]
pub mod metrics;
mod name;
mod nearest;
mod pointer;
pub mod prelude;
mod registry;
mod schema;
#[doc(hidden)]
#[allow(missing_docs, reason = "not public")]
pub mod shared;
pub mod shell;
mod task;
pub mod testing;
#[cfg(feature = "database")]
mod text;

pub use arguments::{
    ArgumentError, ArgumentErrorCode, IntoArgumentErrors, InvalidArguments, RequestParam,
};
#[cfg(feature = "database")]
pub use artifacts::{Artifact, ArtifactError, ArtifactHierarchy, ArtifactManager, NewArtifact};
pub use call::{ExecuteError, Refusal};
pub use context::TaskContext;
#[cfg(feature = "database")]
pub use database::{Database, DatabaseError, Session, Transaction};
pub use execute::{
    BuildError, Call, ExecutedJson, ExecutorBuilder, MissingDependency, TaskExecutor, UnknownLimit,
};
#[cfg(feature = "database")]
pub use id::InvalidId;
pub use inject::{InjectError, Injectable, Injection, Injector, Requirements, State};
#[cfg(feature = "database")]
pub use jobs::{JobError, JobRecord, JobStatus, Jobs, Scheduler};
pub use registry::{RegisteredTask, RegistryBuilder, RegistryError, RegistryProblem, TaskRegistry};
pub use schema::{BoundIntegers, TitleVariants, WriteSchema};
pub use shell::{run_program, run_shell};
#[cfg(feature = "database")]
pub use task::TaskReport;
pub use task::{
    Caller, EventInfo, FailureCode, FailureCodeInfo, FailureCodes, IntoTaskFailure, IntoTaskFn,
    ParameterInfo, Permanent, TaskError, TaskFailure, TaskFn, TaskHints, TaskInfo, TaskOutput,
    Traceback, task,
};
/// A task is a function. What clients may leave out has a default; the doc comments are its documentation:
///
/// ```
/// use tasks_runtime::prelude::*;
///
/// /// Greets a user.
/// #[task(name = "greet_user", tags = ["demo"], register = false)]
/// async fn greet(
///     /// The name of the user.
///     #[task(default = "World")]
///     name: String,
/// ) -> String {
///     format!("Hello, {name}!")
/// }
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let registry = TaskRegistry::builder().task(greet).build()?;
/// assert_eq!(registry.info("greet_user")?.signature, "(name: String = \"World\") -> String");
/// let executor = TaskExecutor::builder(registry).build()?;
/// assert_eq!(executor.run::<String>(call!(greet)).await?, "Hello, World!");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// `timeout` limits one execution; a task may also return a `Result`:
///
/// ```
/// # use tasks_runtime::prelude::*;
/// #[task(timeout = "1m30s", register = false)]
/// async fn import(url: String) -> anyhow::Result<usize> {
///     anyhow::ensure!(url.starts_with("https://"), "only https is allowed");
///     Ok(url.len())
/// }
/// # fn main() {}
/// ```
///
/// The options of background jobs say how often an attempt is retried and how long it waits before, in which queue jobs wait and which go
/// first, how many run at once in one process, whether two with the same parameters may wait or run, and how many crashes of its process a
/// job survives:
///
/// ```
/// # use tasks_runtime::prelude::*;
/// #[task(
///     retries = 5,
///     backoff = "exponential(1s, max = 5m)",
///     queue = "reports",
///     priority = 10,
///     max_concurrency = 2,
///     unique = "params",
///     crash_limit = 1,
///     register = false
/// )]
/// async fn report(month: u8) -> String {
///     format!("the report of month {month}")
/// }
/// # fn main() {}
/// ```
///
/// Parameters may have an example for the documentation, another name for clients, and a value that is never shown. The choice between
/// injection and request, which is made by type, can be overridden:
///
/// ```
/// # use tasks_runtime::prelude::*;
/// #[derive(Clone, serde::Deserialize, schemars::JsonSchema, Injectable)]
/// struct Limits {
///     cents: u64,
/// }
///
/// #[task(register = false)]
/// async fn transfer(
///     #[task(example = 250)] cents: u64,
///     #[task(rename = "from")] source: String,
///     #[task(secret)] pin: String,
///     #[task(inject)] limits: Limits,
/// ) -> anyhow::Result<String> {
///     anyhow::ensure!(cents <= limits.cents && pin.len() == 4, "this is not allowed");
///     Ok(format!("{cents} from {source}"))
/// }
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let executor = tasks_runtime::testing::executor([task(transfer)]).provide(Limits { cents: 1000 }).build()?;
/// let params = serde_json::json!({"cents": 250, "from": "savings", "pin": "1234"});
/// assert_eq!(executor.execute::<String>("transfer", params).await?, "250 from savings");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// `errors` names the types of errors whose codes the document lists, for a task that returns any error:
///
/// ```
/// use tasks_runtime::prelude::*;
/// use tasks_runtime::FailureCodes;
///
/// #[derive(Debug, thiserror::Error, FailureCodes)]
/// #[error("the shop is closed")]
/// struct ShopClosed;
///
/// #[task(errors = [ShopClosed], register = false)]
/// fn order(hour: u8) -> anyhow::Result<u8> {
///     if hour < 8 {
///         Err(ShopClosed)?;
///     }
///     Ok(hour)
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = TaskRegistry::builder().task(order).build()?;
/// assert_eq!(registry.info("order")?.error_codes[0].code, "shop-closed");
/// # Ok(()) }
/// ```
///
/// `crate` names the path where the runtime is re-exported, for a crate that does not depend on it directly:
///
/// ```
/// mod framework {
///     pub extern crate tasks_runtime;
/// }
///
/// #[framework::tasks_runtime::task(crate = framework::tasks_runtime, register = false)]
/// fn ping() -> &'static str {
///     "pong"
/// }
/// # fn main() {}
/// ```
pub use tasks_macros::task;
/// Injects a value that is given to the executor.
///
/// ```
/// use tasks_runtime::prelude::*;
///
/// #[derive(Clone, Injectable)]
/// struct Currency(&'static str);
///
/// #[task(register = false)]
/// fn price(currency: Currency, cents: u64) -> String {
///     format!("{}.{:02} {}", cents / 100, cents % 100, currency.0)
/// }
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let executor = tasks_runtime::testing::executor([task(price)]).provide(Currency("EUR")).build()?;
/// assert_eq!(executor.run::<String>(call!(price, cents = 250)).await?, "2.50 EUR");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub use tasks_macros::{FailureCodes, Injectable};

/// Calls a task by its function, with its arguments by name.
///
/// The compiler checks the path; the arguments are checked when the call runs, all of them before anything happens. An
/// argument is anything that serializes to what the parameter deserializes from. Parameters with a default and injected
/// ones are left out.
///
/// ```
/// use tasks_runtime::prelude::*;
///
/// #[task]
/// async fn add(a: i64, #[task(default = 1)] b: i64) -> i64 {
///     a + b
/// }
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let executor = TaskExecutor::builder(TaskRegistry::builder().task(add).build()?).build()?;
/// assert_eq!(executor.run::<i64>(call!(add, a = 2, b = 3)).await?, 5);
/// assert_eq!(executor.run::<i64>(call!(add, a = 2)).await?, 3);
///
/// let error = executor.run::<i64>(call!(add, c = 4)).await.unwrap_err();
/// assert!(error.to_string().contains("/params/c"), "{error}");
/// assert!(error.to_string().contains("/params/a"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[macro_export]
macro_rules! call {
    // Comes first because what is not a path is an error of its own.
    ($($segment:ident)::+ ($($arguments:tt)*)) => {
        ::core::compile_error!("`call!` takes the function and then its arguments by name: `call!(add, a = 1, b = 2)`")
    };
    ($function:path $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::Call::new($function)$(.with(::core::stringify!($name), $value))*
    };
    ($function:path, $($arguments:tt)*) => {
        ::core::compile_error!("`call!` takes arguments by name: `call!(add, a = 1, b = 2)`")
    };
}
