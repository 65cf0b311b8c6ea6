//! Analyses of the data that comes with the example.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tasks_web::artifacts::ArtifactId;
use tasks_web::prelude::*;

use super::results::Stored;
use crate::summary::{Summary, summarize};

/// Data sets that come with the example.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dataset {
    /// 1,461 days of the weather of Seattle: NOAA, public domain.
    SeattleWeather,
    /// 3,376 airports: US Bureau of Transportation Statistics, public domain.
    Airports,
}

impl Dataset {
    fn csv(self) -> &'static str {
        match self {
            Self::SeattleWeather => {
                include_str!("../../../task-execution/data/seattle-weather.csv")
            }
            Self::Airports => include_str!("../../../task-execution/data/airports.csv"),
        }
    }
}

/// What to find out.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnalysisType {
    /// Mean, least and most of each column of numbers.
    #[default]
    Summary,
    /// How much of each column is there.
    Completeness,
}

/// Starts a project, whose datasets and results are below it.
#[task(tags = ["analytics"])]
pub async fn create_project(
    artifacts: ArtifactManager,
    /// What it is called.
    #[task(example = "weather")]
    name: String,
) -> anyhow::Result<Stored> {
    let artifact = NewArtifact::json(json!({"name": name})).tags(["project"]);
    Ok(Stored::at(&artifacts.save(artifact).await?))
}

/// Analyses a dataset and stores the result, below a project when it is told which.
#[task(tags = ["analytics", "storage"])]
pub async fn store_analysis_results(
    session: Session,
    artifacts: ArtifactManager,
    /// Which data.
    #[task(example = Dataset::SeattleWeather)]
    dataset_name: Dataset,
    /// What to find out.
    #[task(default = AnalysisType::Summary)]
    analysis_type: AnalysisType,
    /// The id of a project.
    project_id: Option<String>,
) -> anyhow::Result<Stored> {
    let project = project_id.map(|id| id.parse::<ArtifactId>()).transpose()?;
    let summary = summarize(dataset_name.csv().as_bytes())?;
    let metadata = json!({"dataset": dataset_name, "analysis_type": analysis_type});
    let result = match analysis_type {
        AnalysisType::Summary => NewArtifact::json(&summary),
        AnalysisType::Completeness => NewArtifact::json(completeness(&summary)),
    };
    // Both or none: the result, and the dataset that it is of.
    let saved = session
        .transaction(async |tx| {
            let mut artifacts = artifacts.within(tx);
            let dataset = NewArtifact::json(json!({"rows": summary.rows}))
                .metadata(json!({"dataset": dataset_name}))
                .parent(project)
                .tags(["dataset"]);
            let dataset = artifacts.save(dataset).await?;
            artifacts
                .save(
                    result
                        .metadata(metadata)
                        .parent(dataset.id)
                        .tags(["result"]),
                )
                .await
        })
        .await?;
    Ok(Stored::at(&saved))
}

/// How much of each column is there, from 0 to 1.
fn completeness(summary: &Summary) -> serde_json::Value {
    let shares: serde_json::Map<String, serde_json::Value> = summary
        .columns
        .iter()
        .map(|column| {
            let share = 1.0 - column.empty as f64 / summary.rows.max(1) as f64;
            (column.name.clone(), json!(share))
        })
        .collect();
    json!(shares)
}
