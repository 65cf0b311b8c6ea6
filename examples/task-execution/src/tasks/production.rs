//! Errors and time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tasks_web::prelude::*;

/// An outcome that the application tells of itself.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Report {
    /// It went well.
    Success {
        /// The result.
        result: i64,
    },
    /// It did not.
    Error {
        /// Why.
        error: String,
    },
}

/// Handles an error itself, and reports it as a value.
///
/// Without that, an error is captured as well: the envelope has it under `error`.
#[task(tags = ["production"])]
pub async fn safe_task(
    /// What might not be a number.
    #[task(example = "42")]
    risky_param: String,
) -> Report {
    match risky_param.trim().parse() {
        Ok(result) => Report::Success { result },
        Err(error) => Report::Error {
            error: format!("`{risky_param}` is not a number: {error}"),
        },
    }
}

/// What `quick_task` found.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Processed {
    /// The keys of the data, sorted.
    pub keys: Vec<String>,
}

/// Finishes quickly, or not at all: its timeout is thirty seconds.
#[task(tags = ["production"], timeout = "30s")]
pub async fn quick_task(
    /// Any object.
    data: Map<String, Value>,
) -> Processed {
    let mut keys: Vec<String> = data.into_iter().map(|(key, _)| key).collect();
    keys.sort();
    Processed { keys }
}

/// Waits, but for no longer than its timeout of one second.
#[task(tags = ["production"], timeout = "1s")]
pub async fn slow_task(
    /// How many milliseconds to wait.
    #[task(example = 10)]
    milliseconds: u64,
) -> u64 {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    milliseconds
}

/// Always fails.
#[task(tags = ["demo"])]
pub async fn failing_task() -> Result<(), TaskError> {
    Err(TaskError::msg("Something went wrong"))
}

/// Panics, which is an error like any other to those who call it.
#[task(tags = ["demo"])]
pub async fn panicking_task(
    /// What to say.
    #[task(default = "out of cheese")]
    message: String,
) {
    panic!("{message}");
}
