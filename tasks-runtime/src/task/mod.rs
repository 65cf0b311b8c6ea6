//! What a task is: its metadata, what it returns and how it fails.

#[cfg(feature = "database")]
mod any_error;
mod caller;
mod causes;
mod coded_errors;
mod derived_codes;
mod error;
mod event_type;
mod failure;
mod failure_code;
mod finite_json;
mod framework_code;
mod function;
mod info;
mod outcome;
mod permanent;
mod policy;
mod tool_policy;

#[cfg(feature = "database")]
pub(crate) use any_error::read_any;
pub use caller::Caller;
#[cfg(feature = "database")]
pub use caller::TaskReport;
#[cfg(feature = "database")]
pub(crate) use coded_errors::Coded;
pub use coded_errors::CodedError;
pub(crate) use coded_errors::{Reading, codes_of};
pub use derived_codes::{
    CodesOf, ErrorInside, NoCodes, codes, count_codes, detail, details, failure_code, join_codes,
    retry_after,
};
pub(crate) use error::Detail;
pub use error::TaskError;
pub use event_type::{EventInfo, EventType};
pub(crate) use failure::FailureKind;
pub use failure::{IntoTaskFailure, TaskFailure, Traceback};
pub use failure_code::{FailureCode, FailureCodeInfo, FailureCodes};
#[cfg(feature = "database")]
pub(crate) use framework_code::FrameworkCode;
pub use function::{IntoTaskFn, TaskFn, task};
pub use info::{ParameterInfo, TaskInfo};
pub use outcome::{Outcome, OutputSchema, SchemaFallback, TaskOutput};
pub use permanent::Permanent;
#[cfg(feature = "database")]
pub(crate) use policy::spread;
pub use policy::{Backoff, Growth, JobPolicy, Rate};
pub use tool_policy::{TaskHints, ToolKind, ToolPolicy};
