//! Background jobs: tasks that run later, elsewhere, or again.
//!
//! A job is a row before [`Scheduler::submit`] returns, so it is not lost. Workers, in this process and in others that share the
//! database, take jobs, run them and write down how they ended:
//!
//! ```
//! use std::time::Duration;
//! use tasks_runtime::jobs::{JobStatus, Jobs, Scheduler};
//! use tasks_runtime::prelude::*;
//!
//! #[task(register = false)]
//! async fn add(context: TaskContext, a: i64, b: i64) -> i64 {
//!     context.progress(0, 1, "adding");
//!     a + b
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let database = Database::sqlite_in_memory().connect().await?;
//! let scheduler = Scheduler::new(&database, Jobs::new());
//! let executor = tasks_runtime::testing::executor([task(add)]).provide(scheduler.clone()).build()?;
//! scheduler.start(&executor)?;
//!
//! let job = scheduler.submit(call!(add, a = 2, b = 3)).await?;
//! assert_eq!(scheduler.wait(job.id, Duration::from_secs(10)).await?.status, JobStatus::Completed);
//! assert_eq!(scheduler.result::<i64>(job.id).await?, 5);
//! scheduler.shutdown().await;
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod attempt_key;
mod attempts;
mod checked_call;
mod clock;
mod damaged_rows;
mod distinct_values;
mod encryption;
pub mod engine;
mod error;
pub(crate) mod error_class;
mod failures;
mod flow_control;
mod graphs;
mod history;
mod id;
mod limits;
mod lineage;
mod list;
#[cfg(feature = "metrics")]
mod metrics;
mod new_job_row;
mod notifier;
mod operations;
mod options;
mod origin;
mod params_codec;
mod pause;
mod pending_code;
mod pending_reason;
mod queue_record;
mod record;
mod scheduler;
mod schedules;
mod settings;
mod state;
mod step_name;
mod step_record;
mod step_retries;
mod store;
mod stored_text;
mod submit;
mod table;
mod worker;

pub use encryption::{EncryptionKeys, InvalidEncryptionKeys};
pub use error::{JobAction, JobError};
pub use failures::{JobFailureGroup, JobFailures};
pub use graphs::{
    FromNode, Graph, GraphEdgeRecord, GraphItemCounts, GraphItemRecord, GraphNode, GraphNodeCounts,
    GraphNodeRecord, GraphNodeStatus, GraphRecord, GraphStatus, JobGraphNode, OnFailure,
    SubmittedGraph, each, from,
};
pub use history::{JobHistory, JobHistoryPoint, JobHistoryQuery, JobLatency};
pub use id::{GraphId, JobId, OperationId};
pub use limits::{
    DEFAULT_QUEUE, MAX_ATTEMPTS, MAX_DELAY, MAX_DESCRIPTION, MAX_ERROR_BYTES, MAX_ERROR_DETAILS,
    MAX_EVENT_BYTES, MAX_EVENTS, MAX_GRAPH_NODES, MAX_KEY_BYTES, MAX_PAUSE_REASON,
    MAX_PROGRESS_BYTES, MAX_STEP_ERROR, MAX_STEP_NAME, MAX_STEP_RESULT, MAX_STEPS, MAX_STEPS_BYTES,
    MAX_TRACEBACK_BYTES,
};
pub use lineage::JobLineage;
pub use list::{JobFilter, JobPage};
pub use notifier::JobChanges;
pub use operations::{JobCount, JobOperation, OperationAction, OperationFilter, OperationState};
pub use pause::{Pause, TaskPause};
pub use pending_code::PendingCode;
pub use queue_record::QueueRecord;
pub use record::{
    JobAttempt, JobLog, JobRecord, JobStats, JobStatus, Progress, UnknownStatus, WorkerRecord,
};
pub use scheduler::Scheduler;
pub use schedules::{Schedule, ScheduleRecord, StoredSchedule};
pub use settings::Jobs;
pub use step_name::StepName;
pub use step_record::{JobStep, StepKind, StepStatus};
pub use step_retries::StepRetries;
pub use submit::{Submit, Submitted};
pub use worker::ChildJob;

pub use crate::database::SEARCH_LENGTH;
pub use crate::task::Backoff;
