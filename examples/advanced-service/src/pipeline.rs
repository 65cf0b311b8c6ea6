//! A graph of jobs, whose results are artifacts.

use std::collections::BTreeSet;

use anyhow::Context as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks_web::artifacts::ArtifactId;
use tasks_web::jobs::GraphNode;
use tasks_web::prelude::*;

use crate::weather::{self, Summary};

/// A pipeline that runs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Pipeline {
    /// `Pipeline started`.
    pub message: &'static str,
    /// The artifact that the results are below of.
    pub config_artifact_id: String,
    /// The path of the graph: how far it is, and the job of each step.
    pub graph: String,
    /// Where the results will be.
    pub results: String,
}

/// Analyzes the weather of some years side by side, each in a job of its own whose result is stored below the configuration, and compares them when all are
/// there. Either all of it is submitted or nothing, together with the configuration.
#[task(tags = ["pipeline", "orchestration"])]
pub async fn orchestrate_pipeline(
    session: Session,
    scheduler: Scheduler,
    artifacts: ArtifactManager,
    /// Which years, from 2012 to 2015.
    #[task(example = [2012, 2013].into())]
    years: BTreeSet<i32>,
) -> anyhow::Result<Pipeline> {
    anyhow::ensure!(
        !years.is_empty() && years.len() <= 100,
        "give 1 to 100 years"
    );
    let (config, graph) = session
        .transaction(async |tx| {
            let config = NewArtifact::json(json!({"years": years}))
                .metadata(json!({"type": "pipeline_config"}))
                .tags(["pipeline"]);
            let config = artifacts.within(tx).save(config).await?;
            let name = |year: &i32| format!("year-{year}");
            let mut graph = scheduler.graph().description("Pipeline of the weather");
            for year in &years {
                let call = call!(analyze_year, year = year, config_id = config.id);
                graph = graph.node(GraphNode::new(name(year), call));
            }
            let compare = GraphNode::new("compare", call!(compare_years, config_id = config.id));
            let graph = graph.node(compare.after(years.iter().map(name)));
            anyhow::Ok((config.id, graph.within(tx).await?.id))
        })
        .await?;
    Ok(Pipeline {
        message: "Pipeline started",
        config_artifact_id: config.to_string(),
        graph: format!("/api/v1/graphs/{graph}"),
        results: format!("/api/v1/artifacts/{config}/$tree"),
    })
}

/// How much it rained in a year.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Rain {
    /// The year.
    pub year: i32,
    /// Millimetres of rain.
    pub precipitation: f64,
}

/// The last step: the rain of the years that were analyzed, the wettest first.
#[task(tags = ["pipeline"])]
pub async fn compare_years(
    artifacts: ArtifactManager,
    /// The artifact with the configuration.
    config_id: ArtifactId,
) -> anyhow::Result<Vec<Rain>> {
    let mut rain = Vec::new();
    for artifact in artifacts.subtree(config_id).await? {
        if artifact.parent_id != Some(config_id) {
            continue;
        }
        let result = artifacts.find(artifact.id).await?;
        let data = result.and_then(|result| result.data);
        let result: Analysis = data.context("a result was deleted")?.read()?;
        rain.push(Rain {
            year: result.year,
            precipitation: result.summary.precipitation,
        });
    }
    rain.sort_by(|one, other| other.precipitation.total_cmp(&one.precipitation));
    Ok(rain)
}

/// What a step stores.
#[derive(Serialize, Deserialize)]
struct Analysis {
    year: i32,
    summary: Summary,
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
    config_id: ArtifactId,
) -> anyhow::Result<Value> {
    let summary = weather::of_year(year)?;
    let result = Analysis { year, summary };
    let artifact = NewArtifact::json(&result)
        .metadata(json!({"step": year, "pipeline_config_id": config_id}))
        .parent(config_id)
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
