//! Saves, finds and deletes artifacts.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::artifacts::id::ArtifactId;
use bytes::Bytes;

use super::body::inline_limit;
use super::content::ContentLocation;
use super::hooks::ArtifactHooks;
use super::limits::MAX_NODES;
use super::page::{ArtifactList, ArtifactPage, Cursor};
use super::rows::{self, now};
use super::shape;
use super::store::{ContentStore, OpenStore};
use super::table::Head;
use super::{
    Artifact, ArtifactContent, ArtifactError, ArtifactHierarchy, ArtifactNode, ContentInfo,
    NewArtifact,
};
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
            .transaction_with_retries(async |tx| rows::insert(tx, &prepared, now()).await)
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
            .transaction_with_retries(async |tx| {
                let began = now();
                let mut saved = Vec::with_capacity(prepared.len());
                for (artifact, index) in prepared.iter().zip(0..) {
                    // Each a little later: their order is that of the list.
                    saved.push(rows::insert(tx, artifact, began + index).await?);
                }
                Ok(saved)
            })
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

    /// The artifact, with its JSON; its bytes are read by [`content`](Self::content).
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn find(&self, id: ArtifactId) -> Result<Option<Artifact>, ArtifactError> {
        self.shared
            .session
            .read(async |conn| rows::find(conn, id).await)
            .await
    }

    /// Whether it is there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn exists(&self, id: ArtifactId) -> Result<bool, ArtifactError> {
        self.shared
            .session
            .read(async |conn| Ok(rows::head(conn, id).await?.is_some()))
            .await
    }

    /// The bytes of an artifact, to be read. Those of one that has JSON are its JSON.
    ///
    /// # Errors
    ///
    /// When the database fails, and when the content store cannot be opened.
    pub async fn content(&self, id: ArtifactId) -> Result<Option<ArtifactContent>, ArtifactError> {
        let whole: Option<rows::Whole> = self
            .shared
            .session
            .read(async |conn| rows::whole(conn, id).await)
            .await?;
        let Some((mut head, data, content)) = whole else {
            return Ok(None);
        };
        let place = match (head.object_key.take(), content, &data) {
            (Some(key), _, _) => ContentLocation::Object(self.store()?.clone(), key),
            (None, Some(bytes), _) => ContentLocation::Inline(bytes.into()),
            (None, None, Some(json)) => {
                ContentLocation::Inline(Bytes::copy_from_slice(json.as_bytes()))
            }
            (None, None, None) => ContentLocation::Inline(Bytes::new()),
        };
        let artifact = head.artifact(data);
        let info = artifact.content.clone().unwrap_or_else(|| match &place {
            ContentLocation::Inline(json) => ContentInfo {
                content_type: "application/json".to_owned(),
                file_name: None,
                size: json.len() as u64,
                digest: crate::digest::digest(json),
            },
            ContentLocation::Object(..) => ContentInfo {
                content_type: "application/octet-stream".to_owned(),
                file_name: None,
                size: 0,
                digest: String::new(),
            },
        });
        Ok(Some(ArtifactContent {
            artifact,
            info,
            place,
        }))
    }

    /// Up to `limit` artifacts without their data, oldest first: the first ones, or those after a place in the list.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn list(
        &self,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<ArtifactList, ArtifactError> {
        let wanted = limit as usize;
        let mut heads = self
            .shared
            .session
            .read(async |conn| rows::list(conn, after, 0, i64::from(limit) + 1).await)
            .await?;
        let more = heads.len() > wanted;
        heads.truncate(wanted);
        let next = heads.last().filter(|_| more).map(Head::cursor);
        Ok(ArtifactList {
            items: without_data(heads),
            next,
        })
    }

    /// A page of the list, which begin at 1, of `size` artifacts without their data, oldest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn page(&self, page: u64, size: u64) -> Result<ArtifactPage, ArtifactError> {
        let (page, size) = (page.max(1), size.max(1));
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let offset = signed((page - 1).saturating_mul(size));
        let (total, heads) = self
            .shared
            .session
            .read(async |conn| {
                let total = rows::count(conn).await?;
                let heads = rows::list(conn, None, offset, signed(size)).await?;
                Ok::<_, ArtifactError>((total, heads))
            })
            .await?;
        Ok(ArtifactPage {
            items: without_data(heads),
            total,
            page,
            size,
            pages: total.div_ceil(size),
        })
    }

    /// How many there are.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count(&self) -> Result<u64, ArtifactError> {
        self.shared
            .session
            .read(async |conn| rows::count(conn).await)
            .await
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

    /// An artifact and all that are below it, without their data, each after its parent.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::TreeTooLarge`] beyond [`MAX_NODES`]; and when the database fails. It is empty when there is no such
    /// artifact.
    pub async fn subtree(&self, id: ArtifactId) -> Result<Vec<Artifact>, ArtifactError> {
        let heads = self
            .shared
            .session
            .read(async |conn| shape::subtree(conn, id).await)
            .await?;
        if heads.len() > MAX_NODES {
            return Err(ArtifactError::TreeTooLarge(id));
        }
        Ok(without_data(heads))
    }

    /// An artifact with all that are below it, as a tree without their data.
    ///
    /// # Errors
    ///
    /// The same as [`subtree`](Self::subtree).
    pub async fn tree(&self, id: ArtifactId) -> Result<Option<ArtifactNode>, ArtifactError> {
        let artifacts = self.subtree(id).await?;
        Ok(ArtifactNode::assemble(artifacts, self.hierarchy()))
    }

    /// An artifact alone, with its data and the name of its level.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn expand(&self, id: ArtifactId) -> Result<Option<ArtifactNode>, ArtifactError> {
        let found = self.find(id).await?;
        Ok(found.map(|artifact| ArtifactNode::new(artifact, self.hierarchy())))
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

fn without_data(heads: Vec<Head>) -> Vec<Artifact> {
    heads.into_iter().map(|head| head.artifact(None)).collect()
}
