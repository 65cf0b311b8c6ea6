//! `ArtifactManager`: saves, changes and deletes artifacts.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::body::inline_limit;
use super::hooks::ArtifactHooks;
use super::id::ArtifactId;
use super::insert::{insert, insert_all};
use super::rows::{self, now};
use super::store::{ContentStore, OpenStore};
use super::{Artifact, ArtifactError, ArtifactHierarchy, NewArtifact};
use crate::database::{Database, Session};

/// Saves, finds and deletes artifacts. Cheap to clone, and injected into tasks that have a parameter of this type.
///
/// It holds no connection. Each method is a transaction of its own; [`within`](Self::within) works inside one of the
/// caller's.
///
/// ```
/// use serde_json::json;
/// use tasks_runtime::artifacts::{NewArtifact, ArtifactManager};
/// use tasks_runtime::prelude::*;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let database = Database::sqlite_in_memory().connect().await?;
/// let artifacts = ArtifactManager::builder(database).build()?;
///
/// let run = artifacts.save(NewArtifact::json(json!({"run": 1}))).await?;
/// let table = NewArtifact::bytes("a,b\n1,2\n", "text/csv").file_name("table.csv").parent(run.id);
/// let table = artifacts.save(table).await?;
///
/// assert_eq!(table.level, 1);
/// let content = artifacts.content(table.id).await?.expect("it is there");
/// assert_eq!(content.bytes(1000).await?, "a,b\n1,2\n");
/// assert!(artifacts.delete(run.id).await?);
/// assert_eq!(artifacts.find(table.id).await?.map(|table| table.level), Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, tasks_macros::Injectable)]
pub struct ArtifactManager {
    shared: Arc<ManagerInner>,
}

struct ManagerInner {
    session: Session,
    hierarchy: ArtifactHierarchy,
    hooks: Vec<Box<dyn ArtifactHooks>>,
    store: ContentStore,
    open: OnceLock<OpenStore>,
}

impl fmt::Debug for ArtifactManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArtifactManager")
            .field("database", self.shared.session.database())
            .field("hierarchy", &self.shared.hierarchy)
            .field("store", &self.shared.store)
            .finish_non_exhaustive()
    }
}

impl ArtifactManager {
    pub(super) fn assemble(
        session: Session,
        hierarchy: ArtifactHierarchy,
        hooks: Vec<Box<dyn ArtifactHooks>>,
        store: ContentStore,
    ) -> Self {
        Self {
            shared: Arc::new(ManagerInner {
                session,
                hierarchy,
                hooks,
                store,
                open: OnceLock::new(),
            }),
        }
    }

    /// What the levels are called.
    #[must_use]
    pub fn hierarchy(&self) -> &ArtifactHierarchy {
        &self.shared.hierarchy
    }

    /// The database that the artifacts are in.
    #[must_use]
    pub fn database(&self) -> &Database {
        self.shared.session.database()
    }

    /// Saves a new artifact.
    ///
    /// # Errors
    ///
    /// When its id is taken, its parent is not there, its tags or metadata break the rules, or a hook refuses it; and when
    /// the database or the content store fails. Then nothing is stored.
    pub async fn save(&self, artifact: NewArtifact) -> Result<Artifact, ArtifactError> {
        let mut prepared = self.prepare(artifact).await?;
        let result = self
            .shared
            .session
            .transaction_with_retries(async |tx| insert(tx, &prepared, now()).await)
            .await;
        match result {
            Ok(saved) => {
                self.after_save(&saved).await;
                Ok(saved)
            }
            Err(error) => {
                self.take_back(std::slice::from_mut(&mut prepared)).await;
                Err(error)
            }
        }
    }

    /// Saves artifacts, all of them or none. One may be the parent of another that comes after it.
    ///
    /// # Errors
    ///
    /// The same as [`save`](Self::save).
    pub async fn save_all(
        &self,
        artifacts: impl IntoIterator<Item = NewArtifact>,
    ) -> Result<Vec<Artifact>, ArtifactError> {
        let mut prepared = Vec::new();
        for artifact in artifacts.into_iter().collect::<Vec<_>>() {
            match self.prepare(artifact).await {
                Ok(artifact) => prepared.push(artifact),
                Err(error) => {
                    self.take_back(&mut prepared).await;
                    return Err(error);
                }
            }
        }
        let result: Result<_, ArtifactError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| insert_all(tx, &prepared, now()).await)
            .await;
        match result {
            Ok(saved) => {
                for artifact in &saved {
                    self.after_save(artifact).await;
                }
                Ok(saved)
            }
            Err(error) => {
                self.take_back(&mut prepared).await;
                Err(error)
            }
        }
    }

    /// Replaces an artifact: its data, metadata, tags and parent. One that has bytes keeps them when the new version has no
    /// data. With another parent its whole subtree moves, and its levels change.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::NotFound`]; [`ArtifactError::Cycle`] when the new parent is below it; and those of
    /// [`save`](Self::save).
    pub async fn update(
        &self,
        id: ArtifactId,
        artifact: NewArtifact,
    ) -> Result<Artifact, ArtifactError> {
        let current = self.find(id).await?.ok_or(ArtifactError::NotFound(id))?;
        self.replace(&current, artifact, false).await
    }

    /// [`update`](Self::update), if the artifact is still what was seen: for who read it, changes it, and writes it back.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Changed`] when somebody else was faster, and those of [`update`](Self::update).
    pub async fn update_if_unchanged(
        &self,
        seen: &Artifact,
        artifact: NewArtifact,
    ) -> Result<Artifact, ArtifactError> {
        self.replace(seen, artifact, true).await
    }

    async fn replace(
        &self,
        current: &Artifact,
        artifact: NewArtifact,
        only_if_unchanged: bool,
    ) -> Result<Artifact, ArtifactError> {
        let id = current.id;
        let mut prepared = self.prepare_update(current, artifact).await?;
        let seen = only_if_unchanged.then_some(current);
        let result: Result<_, ArtifactError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| {
                let old = rows::update(tx, &prepared, seen, now()).await?;
                let updated = rows::find(tx, id)
                    .await?
                    .ok_or(ArtifactError::NotFound(id))?;
                Ok((old, updated))
            })
            .await;
        match result {
            Ok((old, updated)) => {
                self.forget(old).await;
                self.after_update(&updated).await;
                Ok(updated)
            }
            Err(error) => {
                self.take_back(std::slice::from_mut(&mut prepared)).await;
                Err(error)
            }
        }
    }

    /// Deletes an artifact, and says whether it was there. Its children become roots.
    ///
    /// # Errors
    ///
    /// When a hook refuses, and when the database fails.
    pub async fn delete(&self, id: ArtifactId) -> Result<bool, ArtifactError> {
        let Some(current) = self.find(id).await? else {
            return Ok(false);
        };
        self.remove(&current, false).await
    }

    /// [`delete`](Self::delete), if the artifact is still what was seen.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Changed`] when somebody else was faster, and those of [`delete`](Self::delete).
    pub async fn delete_if_unchanged(&self, seen: &Artifact) -> Result<bool, ArtifactError> {
        self.remove(seen, true).await
    }

    async fn remove(
        &self,
        current: &Artifact,
        only_if_unchanged: bool,
    ) -> Result<bool, ArtifactError> {
        let id = current.id;
        let seen = only_if_unchanged.then_some(current);
        self.before_delete(current).await?;
        let deleted = self
            .shared
            .session
            .transaction_with_retries(async |tx| rows::delete(tx, id, seen, now()).await)
            .await;
        match deleted {
            Ok(key) => {
                self.forget(key).await;
                self.after_delete(current).await;
                Ok(true)
            }
            // Somebody else was faster.
            Err(ArtifactError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The store of large content, for more of it.
    pub(super) fn store_to_write(&self) -> Result<&OpenStore, ArtifactError> {
        if self.shared.store.is_assumed() {
            return Err(ArtifactError::NoStore {
                limit: inline_limit(self.database().backend()) as u64,
            });
        }
        self.store()
    }

    /// The store of large content, if it was used.
    pub(super) fn open_store(&self) -> Option<&OpenStore> {
        self.shared.open.get()
    }

    pub(super) fn content_store(&self) -> &ContentStore {
        &self.shared.store
    }

    /// The store of large content.
    pub(super) fn store(&self) -> Result<&OpenStore, ArtifactError> {
        if let Some(store) = self.shared.open.get() {
            return Ok(store);
        }
        let store = self.shared.store.open()?;
        Ok(self.shared.open.get_or_init(|| store))
    }

    pub(super) fn session(&self) -> &Session {
        &self.shared.session
    }

    pub(super) fn hooks(&self) -> &[Box<dyn ArtifactHooks>] {
        &self.shared.hooks
    }
}
