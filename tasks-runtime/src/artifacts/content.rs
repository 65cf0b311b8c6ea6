//! The bytes of a stored artifact.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::body::ByteStream;
use super::store::OpenStore;
use super::{Artifact, ArtifactError, ContentInfo};

/// The bytes of a stored artifact, to be read as a whole or in part.
///
/// JSON can be read as bytes, too; its media type is `application/json`.
pub struct ArtifactContent {
    /// Of what they are.
    pub artifact: Artifact,
    /// What is known of them.
    pub info: ContentInfo,
    pub(super) place: ContentLocation,
}

impl std::fmt::Debug for ArtifactContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArtifactContent")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

pub(super) enum ContentLocation {
    Inline(Bytes),
    Object(OpenStore, String),
}

impl ArtifactContent {
    /// Reads a range of the bytes, from its start and up to its end, which are cut to what there is.
    ///
    /// # Errors
    ///
    /// When the content store fails; later ones come in the stream.
    pub async fn stream(&self, range: std::ops::Range<u64>) -> Result<ByteStream, ArtifactError> {
        let end = range.end.min(self.info.size);
        let start = range.start.min(end);
        match &self.place {
            ContentLocation::Inline(bytes) => {
                // Inline content is small.
                let part = bytes.slice(start as usize..end as usize);
                Ok(futures_util::stream::iter([Ok(part)]).boxed())
            }
            ContentLocation::Object(_, _) if start == end => {
                Ok(futures_util::stream::empty().boxed())
            }
            ContentLocation::Object(store, key) => store.read(key, start..end).await,
        }
    }

    /// Reads all bytes into memory.
    ///
    /// # Errors
    ///
    /// When the content store fails, and when there are more bytes than `limit`.
    pub async fn bytes(&self, limit: u64) -> Result<Bytes, ArtifactError> {
        if self.info.size > limit {
            return Err(ArtifactError::TooLarge { limit });
        }
        let mut stream = self.stream(0..self.info.size).await?;
        let mut all = BytesMut::new();
        while let Some(part) = stream.next().await {
            all.extend_from_slice(&part?);
        }
        Ok(all.freeze())
    }
}
