//! Steps that are jobs, and results that are artifacts.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tasks_web::artifacts::ArtifactId;
use tasks_web::prelude::*;

use crate::weather;

/// A pipeline that runs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Pipeline {
    /// `Pipeline started`.
    pub message: &'static str,
    /// The artifact that the results are below of.
    pub config_artifact_id: String,
    /// The job of each step.
    pub jobs: Vec<String>,
    /// Where the results will be.
    pub results: String,
}

/// Runs an analysis of the weather in steps: each year of it is a job of its own, whose result is stored below the
/// configuration. Either all of them are submitted or none, together with the configuration.
#[task(tags = ["pipeline", "orchestration"])]
pub async fn orchestrate_pipeline(
    session: Session,
    scheduler: Scheduler,
    artifacts: ArtifactManager,
    /// Which years, from 2012 to 2015.
    #[task(example = vec![2012, 2013])]
    years: Vec<i32>,
) -> anyhow::Result<Pipeline> {
    anyhow::ensure!(
        !years.is_empty() && years.len() <= 100,
        "give 1 to 100 years"
    );
    let (config, jobs) = session
        .transaction(async |tx| {
            let config = NewArtifact::json(json!({"years": years}))
                .metadata(json!({"type": "pipeline_config"}))
                .tags(["pipeline"]);
            let config = artifacts.within(tx).save(config).await?;
            let mut jobs = Vec::new();
            for (number, year) in (1..).zip(&years) {
                let call = call!(analyze_year, year = year, config_id = config.id.to_string());
                let step = scheduler
                    .submit(call)
                    .description(format!("Pipeline step {number}"));
                jobs.push(step.within(tx).await?.id.to_string());
            }
            anyhow::Ok((config, jobs))
        })
        .await?;
    Ok(Pipeline {
        message: "Pipeline started",
        config_artifact_id: config.id.to_string(),
        jobs,
        results: format!("/api/v1/artifacts/{}/$tree", config.id),
    })
}

/// One step: the weather of a year, stored below the configuration. It completes in the transaction that stores its result, so
/// that there is one result, whatever happens.
#[task(tags = ["pipeline"], retries = 3, backoff = "constant(1s)")]
pub async fn analyze_year(
    context: TaskContext,
    session: Session,
    artifacts: ArtifactManager,
    /// Which year.
    year: i32,
    /// The artifact with the configuration.
    config_id: String,
) -> anyhow::Result<Value> {
    let config: ArtifactId = config_id.parse()?;
    let summary = weather::of_year(year)?;
    let result = json!({"year": year, "summary": summary});
    let artifact = NewArtifact::json(&result)
        .metadata(json!({"step": year, "pipeline_config_id": config_id}))
        .parent(config)
        .tags(["result"]);
    let id = session
        .transaction(async |tx| {
            let id = artifacts.within(tx).save(artifact).await?.id;
            if context.job_id().is_some() {
                let result = json!({"artifact_id": id.to_string()});
                context.set_artifact(id);
                context.complete(tx, &result).await?;
            }
            anyhow::Ok(id)
        })
        .await?;
    Ok(json!({"artifact_id": id.to_string()}))
}
