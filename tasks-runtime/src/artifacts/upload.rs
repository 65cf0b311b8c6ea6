//! Content that comes in pieces.

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use super::body::{Body, StoredBody, inline_limit};
use super::content_type::content_type;
use super::file_name::file_name;
use super::key::new_key;
use super::store::Writer;
use super::{Artifact, ArtifactError, ArtifactManager, ContentInfo, NewArtifact};
use crate::digest::hex;

/// Content that comes in pieces; made by [`ArtifactManager::upload`].
///
/// What is written is not seen by anybody before [`finish`](Self::finish). An upload that is dropped leaves nothing behind.
pub struct Upload {
    manager: ArtifactManager,
    start: BytesMut,
    rest: Option<(String, Writer)>,
    hasher: Sha256,
    size: u64,
    limit: u64,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl ArtifactManager {
    /// Starts to save an artifact whose bytes come in pieces, up to `limit` of them.
    ///
    /// ```
    /// use tasks_runtime::artifacts::{NewArtifact, ArtifactManager};
    /// # async fn example(artifacts: ArtifactManager) -> Result<(), tasks_runtime::artifacts::ArtifactError> {
    /// let mut upload = artifacts.upload(10_000_000);
    /// upload.write("a,b\n".into()).await?;
    /// upload.write("1,2\n".into()).await?;
    /// let table = upload.finish(NewArtifact::new().content_type("text/csv")).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn upload(&self, limit: u64) -> Upload {
        Upload::new(self.clone(), limit)
    }
}

impl Upload {
    fn new(manager: ArtifactManager, limit: u64) -> Self {
        Self {
            manager,
            start: BytesMut::new(),
            rest: None,
            hasher: Sha256::new(),
            size: 0,
            limit,
        }
    }

    /// How many bytes were written.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds bytes. It waits until the store has taken what came before, so that memory stays bounded.
    ///
    /// # Errors
    ///
    /// When there are more than the limit, and when the store fails.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), ArtifactError> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > self.limit {
            return Err(ArtifactError::TooLarge { limit: self.limit });
        }
        self.hasher.update(&bytes);
        if let Some((_, writer)) = &mut self.rest {
            return writer.write(bytes).await;
        }
        self.start.extend_from_slice(&bytes);
        if self.start.len() > inline_limit(self.manager.database().backend()) {
            let identity = self.manager.database().lasting_identity().await?;
            let key = new_key(&identity);
            let mut writer = self.manager.store_to_write()?.writer(&key).await?;
            writer
                .write(std::mem::take(&mut self.start).freeze())
                .await?;
            self.rest = Some((key, writer));
        }
        Ok(())
    }

    /// Saves the artifact, whose data these bytes are. Media type and file name are those of `artifact`.
    ///
    /// # Errors
    ///
    /// The same as [`ArtifactManager::save`].
    pub async fn finish(mut self, mut artifact: NewArtifact) -> Result<Artifact, ArtifactError> {
        let info = self.info(&mut artifact)?;
        artifact.body = Body::StoredBody(match self.rest.take() {
            None => StoredBody::Inline(std::mem::take(&mut self.start).freeze(), info),
            Some((key, writer)) => {
                writer.finish().await?;
                StoredBody::Object(key, info)
            }
        });
        self.manager.save(artifact).await
    }

    /// Puts the bytes into their place, without saving an artifact yet.
    pub(super) async fn place(
        mut self,
        artifact: &mut NewArtifact,
    ) -> Result<StoredBody, ArtifactError> {
        let info = self.info(artifact)?;
        Ok(match self.rest.take() {
            None => StoredBody::Inline(std::mem::take(&mut self.start).freeze(), info),
            Some((key, writer)) => {
                writer.finish().await?;
                StoredBody::Object(key, info)
            }
        })
    }

    fn info(&mut self, artifact: &mut NewArtifact) -> Result<ContentInfo, ArtifactError> {
        let digest = std::mem::take(&mut self.hasher).finalize();
        Ok(ContentInfo {
            content_type: content_type(artifact.content_type.take())?,
            file_name: file_name(artifact.file_name.take())?,
            size: self.size,
            digest: hex(&digest),
        })
    }
}
