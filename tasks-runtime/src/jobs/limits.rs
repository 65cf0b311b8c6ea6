//! How long and how many the parts of a job may be.

use std::time::Duration;

/// How long a description may be, in characters.
pub const MAX_DESCRIPTION: usize = 4096;
/// How long a key may be, in bytes.
pub const MAX_KEY_BYTES: usize = 255;
/// How far away the time of a job may be.
pub const MAX_DELAY: Duration = Duration::from_secs(10 * 366 * 24 * 3600);
/// How many attempts a job may have.
pub const MAX_ATTEMPTS: u32 = 1000;
/// How much is kept of the message of an error, in bytes; what is longer is cut, and marked.
pub const MAX_ERROR_BYTES: usize = 64 * 1024;
/// How long the details of an error may be, in bytes of JSON; those that are longer are not stored, and the log says so.
pub const MAX_ERROR_DETAILS: usize = 16 * 1024;
/// How much is kept of a traceback, in bytes; what is longer is cut, and marked.
pub const MAX_TRACEBACK_BYTES: usize = 256 * 1024;
/// How long the message of a progress may be, in bytes; what is longer is cut, and marked.
pub const MAX_PROGRESS_BYTES: usize = 4096;
/// How long the reason of a paused queue may be, in characters.
pub const MAX_PAUSE_REASON: usize = 500;
/// How many steps a job may have.
pub const MAX_STEPS: usize = 1000;
/// How long the name of a step or of an event may be, in bytes, with its key.
pub const MAX_STEP_NAME: usize = 200;
/// How long the result of a step may be, in bytes of JSON.
pub const MAX_STEP_RESULT: usize = 256 * 1024;
/// How long the results of all steps of a job may be together, in bytes of JSON.
pub const MAX_STEPS_BYTES: usize = 16 * 1024 * 1024;
/// How much is kept of the message of a step's error, in bytes; what is longer is cut, and marked.
pub const MAX_STEP_ERROR: usize = 2048;
/// How many events may wait for a job that has not waited for them.
pub const MAX_EVENTS: i64 = 100;
/// How long the payload of an event may be, in bytes of JSON.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// How many nodes a graph may have.
pub const MAX_GRAPH_NODES: usize = 1000;

/// The queue of jobs whose task names none.
pub const DEFAULT_QUEUE: &str = "default";
