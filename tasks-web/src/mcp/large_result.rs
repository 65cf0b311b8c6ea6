//! Results that are too large for a model: they are kept as artifacts for a while.

use std::time::Duration;

use chrono::Utc;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tasks_runtime::artifacts::{ArtifactFilter, ArtifactId, JsonText};
use tasks_runtime::{ArtifactError, ArtifactManager, NewArtifact};

use super::artifact_uri;
use super::json::quoted;
use super::peer::Peer;
use super::result::Members;
use super::tool::Tool;
use super::version::Version;

/// How many characters of a result are sent all the same.
const HEAD: usize = 2_000;

/// The tag of these artifacts.
const TAG: &str = "mcp-result";

/// The member of their metadata that says that they are ours.
const MARK: &str = "mcp_result_of";

/// How long they are kept.
const RETENTION: Duration = Duration::from_secs(24 * 3600);

/// How many old ones are deleted when a new one is saved.
const DELETED_AT_ONCE: u32 = 20;

/// Saves a result as an artifact, and says where it is; `None` when it cannot be saved, which the log says.
pub(super) async fn saved(
    artifacts: &ArtifactManager,
    tool: &Tool,
    json: &str,
    peer: &Peer,
) -> Option<Members> {
    let id = match save(artifacts, tool, json, peer).await {
        Ok(id) => id?,
        Err(error) => {
            tracing::warn!(task = tool.name, %error, "a large result could not be saved as an artifact, and is sent as it is");
            return None;
        }
    };
    let size = json.len();
    let head: String = json.chars().take(HEAD).collect();
    let uri = artifact_uri::of(id);
    let text = format!(
        "The result has {size} bytes, too many for one answer. It is the resource {uri} for a day: read that for all of it, above 1 MiB in parts. It begins with:\n{head}"
    );
    let structured = json!({
        "artifact": uri,
        "status": "completed",
        "next": format!("Read the resource `{uri}`."),
    });
    let mut members = format!(
        "\"content\":[{{\"type\":\"text\",\"text\":{}}}",
        quoted(&text)
    );
    // Clients of versions before do not know links.
    if peer.version >= Version::V2025_06_18 {
        let link = json!({
            "type": "resource_link",
            "uri": uri,
            "name": format!("{}-{id}.json", tool.name),
            "mimeType": "application/json",
            "size": size,
        });
        members.push_str(&format!(",{link}"));
    }
    members.push_str(&format!(
        "],\"structuredContent\":{structured},\"isError\":false"
    ));
    Some(members)
}

/// The artifact with a result: one that is there already, or a new one. None of what is nested deeper than artifacts may be.
async fn save(
    artifacts: &ArtifactManager,
    tool: &Tool,
    json: &str,
    peer: &Peer,
) -> Result<Option<ArtifactId>, ArtifactError> {
    let Some(id) = id_of(&tool.name, json) else {
        return Ok(None);
    };
    if artifacts.exists(id).await? {
        return Ok(Some(id));
    }
    let Ok(data) = JsonText::parse(json) else {
        return Ok(None);
    };
    let mut metadata = json!({MARK: tool.name});
    if let Some(name) = peer.caller.key_name() {
        metadata["key"] = json!(name);
    }
    let artifact = NewArtifact::new()
        .id(id)
        .data(data)
        .metadata(metadata)
        .tags([TAG]);
    match artifacts.save(artifact).await {
        Ok(_) => {}
        // Another call with the same result was faster.
        Err(_) if artifacts.exists(id).await? => return Ok(Some(id)),
        Err(error) => return Err(error),
    }
    forget_old(artifacts).await?;
    Ok(Some(id))
}

/// The id of a result, which is the same for the same one: asking again for the result of a job saves nothing.
fn id_of(task: &str, json: &str) -> Option<ArtifactId> {
    let mut digest = Sha256::new();
    digest.update(task.as_bytes());
    digest.update([0]);
    digest.update(json.as_bytes());
    let digest: [u8; 32] = digest.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    ulid::Ulid::from_bytes(id).to_string().parse().ok()
}

/// Deletes some that are older than they are kept: those with our tag and our mark.
async fn forget_old(artifacts: &ArtifactManager) -> Result<(), ArtifactError> {
    let filter = ArtifactFilter::new().tag(TAG);
    let oldest = artifacts
        .list_matching(&filter, None, DELETED_AT_ONCE)
        .await?;
    for artifact in oldest.items {
        let age = (Utc::now() - artifact.updated_at)
            .to_std()
            .unwrap_or_default();
        let metadata: serde_json::Value = artifact.metadata.read().unwrap_or_default();
        if age > RETENTION && metadata.get(MARK).is_some() {
            artifacts.delete_if_unchanged(&artifact).await?;
        }
    }
    Ok(())
}
