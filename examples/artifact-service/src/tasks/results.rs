//! Results of any kind.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tasks_web::prelude::*;

/// Where a result is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Stored {
    /// `stored`.
    pub status: &'static str,
    /// The id of the artifact.
    pub artifact_id: String,
    /// The path it is at.
    pub retrieve_url: String,
}

impl Stored {
    pub(crate) fn at(artifact: &tasks_web::Artifact) -> Self {
        Self {
            status: "stored",
            artifact_id: artifact.id.to_string(),
            retrieve_url: format!("/api/v1/artifacts/{}", artifact.id),
        }
    }
}

/// Stores a result.
#[task(tags = ["storage"])]
pub async fn store_result(
    artifacts: ArtifactManager,
    /// Any JSON.
    #[task(example = json!({"key": "value"}))]
    data: Value,
) -> anyhow::Result<Stored> {
    let artifact = artifacts.save(NewArtifact::json(data)).await?;
    Ok(Stored::at(&artifact))
}

/// What a long task did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Completed {
    /// `complete`.
    pub status: &'static str,
    /// How many steps there were.
    pub steps_completed: u32,
    /// What each step came to.
    pub results: Vec<u64>,
    /// The artifact whose children the steps are.
    pub artifact_id: String,
}

/// Stores its progress as it goes: each step is a child of one artifact.
#[task(tags = ["processing", "batch"])]
pub async fn long_task(
    artifacts: ArtifactManager,
    /// How many steps to do, from 1 to 100.
    #[task(default = 10)]
    total_steps: u32,
) -> anyhow::Result<Completed> {
    anyhow::ensure!(
        (1..=100).contains(&total_steps),
        "the steps are not from 1 to 100"
    );
    let run = artifacts
        .save(NewArtifact::json(json!({"total": total_steps})).tags(["progress"]))
        .await?;
    let mut results = Vec::new();
    for step in 0..total_steps {
        let result = process(step).await;
        results.push(result);
        let progress = json!({"step": step, "total": total_steps, "result": result});
        artifacts
            .save(
                NewArtifact::json(progress)
                    .parent(run.id)
                    .tags(["progress"]),
            )
            .await?;
    }
    Ok(Completed {
        status: "complete",
        steps_completed: total_steps,
        results,
        artifact_id: run.id.to_string(),
    })
}

/// Work: the steps of Collatz from a number.
async fn process(step: u32) -> u64 {
    tokio::time::sleep(Duration::from_millis(5)).await;
    let (mut number, mut steps) = (u64::from(step) + 1, 0);
    while number != 1 {
        number = if number.is_multiple_of(2) {
            number / 2
        } else {
            number * 3 + 1
        };
        steps += 1;
    }
    steps
}
