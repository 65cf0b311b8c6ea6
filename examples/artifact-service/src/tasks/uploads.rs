//! Files that were uploaded.

use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tasks_web::artifacts::ArtifactId;
use tasks_web::prelude::*;

use crate::summary::{Summary, summarize};

/// How large a file may be to be processed.
const MOST: u64 = 64 * 1024 * 1024;

/// What was found in a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Processed {
    /// The id of the artifact that has the summary as JSON.
    pub summary_id: String,
    /// The id of the artifact that has it as CSV, to be downloaded.
    pub table_id: String,
    /// The summary.
    pub summary: Summary,
}

/// Processes a CSV file that was uploaded as an artifact: what it finds is stored below it, as JSON and as CSV.
#[task(tags = ["data", "storage"])]
pub async fn process_upload(
    session: Session,
    artifacts: ArtifactManager,
    /// The id of the artifact.
    artifact_id: String,
) -> anyhow::Result<Processed> {
    let id: ArtifactId = artifact_id.parse().context("`artifact_id` is not an id")?;
    let content = artifacts
        .content(id)
        .await?
        .with_context(|| format!("there is no artifact {id}"))?;
    let bytes = content.bytes(MOST).await?;
    let summary = summarize(&*bytes).context("the file is not a table of CSV")?;
    let table = table(&summary)?;
    let (json, csv) = session
        .transaction(async |tx| {
            let mut artifacts = artifacts.within(tx);
            let metadata = json!({"of": content.info.file_name});
            let json = NewArtifact::json(&summary)
                .metadata(&metadata)
                .parent(id)
                .tags(["result"]);
            let csv = NewArtifact::bytes(table, "text/csv")
                .file_name("summary.csv")
                .metadata(&metadata)
                .parent(id)
                .tags(["result"]);
            let saved = (artifacts.save(json).await?, artifacts.save(csv).await?);
            Ok::<_, ArtifactError>(saved)
        })
        .await?;
    Ok(Processed {
        summary_id: json.id.to_string(),
        table_id: csv.id.to_string(),
        summary,
    })
}

/// The summary as a table of CSV.
fn table(summary: &Summary) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["column", "empty", "count", "mean", "min", "max"])?;
    for column in &summary.columns {
        let number = |of: fn(&crate::summary::Numbers) -> f64| {
            column
                .numbers
                .as_ref()
                .map_or_else(String::new, |numbers| of(numbers).to_string())
        };
        writer.write_record([
            column.name.clone(),
            column.empty.to_string(),
            column
                .numbers
                .map_or(0, |numbers| numbers.count)
                .to_string(),
            number(|numbers| numbers.mean),
            number(|numbers| numbers.min),
            number(|numbers| numbers.max),
        ])?;
    }
    Ok(writer.into_inner()?)
}
