//! Long work, in the background.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tasks_web::prelude::*;
use tasks_web::{JobRecord, Permanent};

/// A job, and where to ask for it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Started {
    /// What was done.
    pub message: &'static str,
    /// The id of the job.
    pub job_id: String,
    /// The path it is at.
    pub check_status: String,
}

impl Started {
    pub(crate) fn of(message: &'static str, job: &JobRecord) -> Self {
        Self {
            message,
            job_id: job.id.to_string(),
            check_status: format!("/api/v1/jobs/{}", job.id),
        }
    }
}

/// Starts a closure in the background. It is tracked and can be canceled, and it is gone with its process.
#[task(tags = ["admin", "background"])]
pub async fn spawn_background_job(
    scheduler: Scheduler,
    /// How many seconds it takes.
    #[task(default = 60)]
    processing_time: u64,
) -> anyhow::Result<Started> {
    let work = async move {
        tokio::time::sleep(Duration::from_secs(processing_time)).await;
        Ok::<_, TaskError>(json!({"status": "completed", "processing_time": processing_time}))
    };
    let job = scheduler
        .spawn(format!("Background processing ({processing_time}s)"), work)
        .await?;
    Ok(Started::of("Background job started", &job))
}

/// Takes its time, and says how far it is. When its process dies, it begins again in the next one.
#[task(tags = ["production"], retries = 2, backoff = "exponential(1s, max = 1m)")]
pub async fn slow_processing(
    context: TaskContext,
    /// Anything.
    data: Value,
    /// How many steps it takes, from 1 to 50.
    #[task(default = 10)]
    steps: u64,
) -> anyhow::Result<Value> {
    if !(1..=50).contains(&steps) {
        // Another attempt would not mend it.
        return Err(Permanent::msg("the steps are not from 1 to 50").into());
    }
    for step in 0..steps {
        context.progress(step, steps, format!("step {}", step + 1));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    context.progress(steps, steps, "done");
    Ok(json!({"processed": data, "steps": steps}))
}

/// Submits long work as a job of its own, which is not lost.
#[task(tags = ["production"])]
pub async fn long_operation(
    scheduler: Scheduler,
    /// What is to be processed.
    data: Value,
) -> anyhow::Result<Started> {
    let job = scheduler
        .submit(call!(slow_processing, data = data))
        .description("Long operation")
        .await?;
    Ok(Started::of("started", &job))
}

/// Does many steps, and stores what they came to.
#[task(tags = ["processing", "batch"])]
pub async fn batch_work(
    context: TaskContext,
    artifacts: ArtifactManager,
    /// How many, from 1 to 1,000.
    #[task(default = 100)]
    total: u64,
) -> anyhow::Result<Value> {
    anyhow::ensure!(
        (1..=1000).contains(&total),
        "the total is not from 1 to 1,000"
    );
    let mut results = Vec::new();
    for number in 0..total {
        results.push(number * number);
        context.progress(number + 1, total, "squaring");
        if number % 10 == 0 {
            context.log(format!("{number} is done"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let artifact = artifacts
        .save(NewArtifact::json(json!({"results": results})).tags(["batch"]))
        .await?;
    Ok(json!({"artifact_id": artifact.id.to_string()}))
}

/// Submits a batch as a job.
#[task(tags = ["processing", "batch"])]
pub async fn long_batch(scheduler: Scheduler) -> anyhow::Result<Started> {
    let job = scheduler
        .submit(call!(batch_work))
        .description("Batch processing")
        .await?;
    Ok(Started::of("started", &job))
}
