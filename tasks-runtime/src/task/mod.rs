//! What a task is: its metadata, what it returns and how it fails.

mod caller;
mod error;
mod failure;
mod finite;
mod function;
mod info;
mod outcome;
mod permanent;
mod policy;

pub use caller::Caller;
pub(crate) use error::Detail;
pub use error::TaskError;
pub(crate) use failure::FailureKind;
pub use failure::{IntoTaskFailure, TaskFailure, Traceback};
pub use function::{IntoTaskFn, TaskFn, task};
pub use info::{ParameterInfo, TaskInfo};
pub use outcome::{Outcome, OutputSchema, SchemaFallback, TaskOutput};
pub use permanent::Permanent;
pub use policy::{Backoff, Growth, JobPolicy};
