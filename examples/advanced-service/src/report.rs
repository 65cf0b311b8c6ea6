//! A job that takes days: its steps are not repeated, and it holds no place of a worker while somebody decides.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tasks_web::Permanent;
use tasks_web::artifacts::ArtifactId;
use tasks_web::prelude::*;

use crate::weather::{self, Summary};

/// How long an editor may take.
const PATIENCE: Duration = Duration::from_secs(7 * 24 * 3600);

/// What an editor decided.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// Whether it is to be published.
    pub approved: bool,
    /// Who decided.
    pub editor: String,
}

/// A report that was published.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Published {
    /// The artifact with the report.
    pub artifact_id: ArtifactId,
    /// Who approved it.
    pub editor: String,
}

/// Compares the weather of two years, lets an editor decide, and publishes the report. Each year is summarized by a job of its own; the editor sends the event `decision`.
/// Whatever fails or crashes in between, nobody is asked twice, and there is one report.
#[task(
    tags = ["production", "reports"],
    retries = 3,
    backoff = "exponential(1s, max = 1m)",
    events(decision: Decision)
)]
pub async fn publish_report(
    context: TaskContext,
    scheduler: Scheduler,
    artifacts: ArtifactManager,
    /// The first year.
    #[task(example = 2012)]
    from: i32,
    /// The second year.
    #[task(example = 2013)]
    to: i32,
) -> anyhow::Result<Published> {
    let mut children = Vec::new();
    for year in [from, to] {
        let summary = scheduler.submit(call!(summarize_year, year = year));
        children.push(context.spawn_child(("year", year), summary).await?);
    }
    let mut years: Vec<Summary> = Vec::new();
    for child in children {
        years.push(child.result().await?);
    }
    let warmer = context
        .step("compare", async || {
            anyhow::Ok(years[1].warmest - years[0].warmest)
        })
        .await?;
    let decision: Decision = context.wait_for("decision", PATIENCE).await?;
    if !decision.approved {
        return Err(Permanent::msg(format!("{} has refused it", decision.editor)).into());
    }
    let report = json!({"from": from, "to": to, "warmer": warmer, "years": years});
    let artifact_id = context
        .step_in("publish", async |tx| {
            let report = NewArtifact::json(report)
                .metadata(json!({"editor": decision.editor}))
                .tags(["report"]);
            anyhow::Ok(artifacts.within(tx).save(report).await?.id)
        })
        .await?;
    context.set_artifact(artifact_id);
    Ok(Published {
        artifact_id,
        editor: decision.editor,
    })
}

/// What a year was like.
#[task(tags = ["reports"], retries = 2)]
pub async fn summarize_year(
    /// Which year, from 2012 to 2015.
    #[task(example = 2012)]
    year: i32,
) -> anyhow::Result<Summary> {
    weather::of_year(year)
}
