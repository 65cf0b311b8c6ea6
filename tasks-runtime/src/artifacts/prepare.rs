//! What happens to an artifact before its transaction and after it: hooks, checks, its content.

use crate::artifacts::id::ArtifactId;

use super::body::{Body, StoredBody};
use super::key::is_ours;
use super::manager::ArtifactManager;
use super::rows::PreparedArtifact;
use super::{Artifact, ArtifactError, NewArtifact};

impl ArtifactManager {
    /// Runs the hooks, checks the artifact, and puts its content where it belongs.
    pub(super) async fn prepare(
        &self,
        mut artifact: NewArtifact,
    ) -> Result<PreparedArtifact, ArtifactError> {
        for hooks in self.hooks() {
            hooks
                .before_save(&mut artifact)
                .await
                .map_err(|error| ArtifactError::Refused(error.to_string()))?;
        }
        #[allow(clippy::unwrap_or_default, reason = "the default of a ULID is zero")]
        let id = artifact.id.unwrap_or_else(ArtifactId::new);
        let prepared = self.place(id, artifact).await?;
        if prepared.stored.is_none() {
            return Err(ArtifactError::NoData);
        }
        Ok(prepared)
    }

    pub(super) async fn prepare_update(
        &self,
        current: &Artifact,
        mut artifact: NewArtifact,
    ) -> Result<PreparedArtifact, ArtifactError> {
        for hooks in self.hooks() {
            hooks
                .before_update(current, &mut artifact)
                .await
                .map_err(|error| ArtifactError::Refused(error.to_string()))?;
        }
        self.place(current.id, artifact).await
    }

    async fn place(
        &self,
        id: ArtifactId,
        mut artifact: NewArtifact,
    ) -> Result<PreparedArtifact, ArtifactError> {
        let (tags, metadata) = artifact.checked()?;
        let parent_id = artifact.parent_id;
        let stored = match std::mem::take(&mut artifact.body) {
            Body::None => None,
            Body::Json(json) => Some(StoredBody::Json(json)),
            Body::StoredBody(stored) => Some(stored),
            Body::Bytes(bytes) => {
                const PART: usize = 1024 * 1024;
                let mut upload = self.upload(u64::MAX);
                for part in bytes.chunks(PART) {
                    upload.write(bytes.slice_ref(part)).await?;
                }
                Some(upload.place(&mut artifact).await?)
            }
        };
        Ok(PreparedArtifact {
            id,
            parent_id,
            tags,
            metadata,
            stored,
        })
    }

    /// Deletes the content of artifacts that were not saved after all.
    pub(super) async fn take_back(&self, prepared: &mut [PreparedArtifact]) {
        for artifact in prepared {
            self.forget(artifact.object_key().map(str::to_owned)).await;
        }
    }

    /// Deletes content that no row refers to any more, if it is this database's own.
    pub(super) async fn forget(&self, key: Option<String>) {
        let Some(key) = key else {
            return;
        };
        let (Ok(store), Ok(identity)) = (self.store(), self.database().lasting_identity().await)
        else {
            return;
        };
        if is_ours(&identity, &key) {
            store.forget(&key).await;
        } else {
            tracing::warn!(
                key,
                "the content of an artifact that is no longer there stays in the store: the database that this one is a copy of has \
                 written it, and may still need it; where that one is not used any more, `ArtifactManager::take_over_content` says so"
            );
        }
    }

    pub(super) async fn before_delete(&self, artifact: &Artifact) -> Result<(), ArtifactError> {
        for hooks in self.hooks() {
            hooks
                .before_delete(artifact)
                .await
                .map_err(|error| ArtifactError::Refused(error.to_string()))?;
        }
        Ok(())
    }

    pub(super) async fn after_save(&self, artifact: &Artifact) {
        for hooks in self.hooks() {
            hooks.after_save(artifact).await;
        }
    }

    pub(super) async fn after_update(&self, artifact: &Artifact) {
        for hooks in self.hooks() {
            hooks.after_update(artifact).await;
        }
    }

    pub(super) async fn after_delete(&self, artifact: &Artifact) {
        for hooks in self.hooks() {
            hooks.after_delete(artifact).await;
        }
    }
}
