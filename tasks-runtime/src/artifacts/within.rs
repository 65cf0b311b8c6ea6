//! Artifacts inside a transaction of the caller.

use crate::artifacts::id::ArtifactId;

use super::insert::insert;
use super::rows::{self, now};
use super::{Artifact, ArtifactError, ArtifactManager, NewArtifact};
use crate::database::Transaction;

/// An [`ArtifactManager`] that works inside a transaction; made by [`ArtifactManager::within`].
///
/// Content of artifacts that are replaced or deleted, or whose transaction is undone, stays in the store until the next
/// [`sweep`](ArtifactManager::sweep): it is not known here whether the transaction will be kept.
#[derive(Debug)]
pub struct ArtifactsWithin<'t> {
    manager: &'t ArtifactManager,
    transaction: &'t mut Transaction,
}

impl ArtifactManager {
    /// Works inside a transaction: what is done is kept if and when that commits.
    ///
    /// ```
    /// use serde_json::json;
    /// use tasks_runtime::artifacts::{ArtifactError, NewArtifact, ArtifactManager};
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task]
    /// async fn record(session: Session, artifacts: ArtifactManager) -> anyhow::Result<String> {
    ///     let saved = session
    ///         .transaction(async |tx| {
    ///             // … the app's own rows …
    ///             artifacts.within(tx).save(NewArtifact::json(json!({"done": true}))).await
    ///         })
    ///         .await?;
    ///     Ok(saved.id.to_string())
    /// }
    /// # fn main() {}
    /// ```
    pub fn within<'t>(&'t self, transaction: &'t mut Transaction) -> ArtifactsWithin<'t> {
        ArtifactsWithin::new(self, transaction)
    }
}

impl<'t> ArtifactsWithin<'t> {
    pub(super) fn new(manager: &'t ArtifactManager, transaction: &'t mut Transaction) -> Self {
        Self {
            manager,
            transaction,
        }
    }

    /// Saves a new artifact.
    ///
    /// # Errors
    ///
    /// The same as [`ArtifactManager::save`].
    pub async fn save(&mut self, artifact: NewArtifact) -> Result<Artifact, ArtifactError> {
        let mut prepared = self.manager.prepare(artifact).await?;
        match insert(self.transaction, &prepared, now()).await {
            Ok(saved) => {
                self.manager.after_save(&saved).await;
                Ok(saved)
            }
            Err(error) => {
                self.manager
                    .take_back(std::slice::from_mut(&mut prepared))
                    .await;
                Err(error)
            }
        }
    }

    /// The artifact, as this transaction sees it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn find(&mut self, id: ArtifactId) -> Result<Option<Artifact>, ArtifactError> {
        rows::find(self.transaction, id).await
    }

    /// Whether it is there, as this transaction sees it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn exists(&mut self, id: ArtifactId) -> Result<bool, ArtifactError> {
        Ok(rows::head(self.transaction, id).await?.is_some())
    }

    /// Replaces an artifact.
    ///
    /// # Errors
    ///
    /// The same as [`ArtifactManager::update`].
    pub async fn update(
        &mut self,
        id: ArtifactId,
        artifact: NewArtifact,
    ) -> Result<Artifact, ArtifactError> {
        let current = self.find(id).await?.ok_or(ArtifactError::NotFound(id))?;
        let prepared = self.manager.prepare_update(&current, artifact).await?;
        rows::update(self.transaction, &prepared, None, now()).await?;
        let updated = self.find(id).await?.ok_or(ArtifactError::NotFound(id))?;
        self.manager.after_update(&updated).await;
        Ok(updated)
    }

    /// Deletes an artifact, and says whether it was there. Its children become roots.
    ///
    /// # Errors
    ///
    /// The same as [`ArtifactManager::delete`].
    pub async fn delete(&mut self, id: ArtifactId) -> Result<bool, ArtifactError> {
        let Some(current) = self.find(id).await? else {
            return Ok(false);
        };
        self.manager.before_delete(&current).await?;
        rows::delete(self.transaction, id, None, now()).await?;
        self.manager.after_delete(&current).await;
        Ok(true)
    }
}
