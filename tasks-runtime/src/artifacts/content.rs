//! The bytes of an artifact.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};

use super::input::Body;
use super::json::JsonText;
use super::key::new_key;
use super::store::{OpenStore, Writer};
use super::{Artifact, ArtifactError, ArtifactIn, ArtifactManager, ContentInfo};
use crate::database::Backend;

/// Content up to this size is in the row of SQLite, whose directory is beside its file: whoever has the one has the other.
const INLINE_SQLITE: usize = 64 * 1024;
/// And of PostgreSQL, whose processes need not share a directory.
const INLINE_POSTGRES: usize = 1024 * 1024;

/// Content up to this size is in the row.
pub(super) fn inline_limit(backend: Backend) -> usize {
    match backend {
        Backend::Sqlite => INLINE_SQLITE,
        Backend::Postgres => INLINE_POSTGRES,
    }
}

/// Bytes that come in pieces.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, ArtifactError>> + Send>>;

/// What an artifact holds, in its place: all that is left to do is to write the row.
#[derive(Debug)]
pub(super) enum Stored {
    Json(JsonText),
    Inline(Bytes, ContentInfo),
    Object(String, ContentInfo),
}

/// The bytes of a stored artifact, to be read as a whole or in part.
///
/// JSON can be read as bytes, too; its media type is `application/json`.
pub struct ArtifactContent {
    /// Of what they are.
    pub artifact: Artifact,
    /// What is known of them.
    pub info: ContentInfo,
    pub(super) place: Place,
}

impl std::fmt::Debug for ArtifactContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArtifactContent")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

pub(super) enum Place {
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
            Place::Inline(bytes) => {
                // Inline content is small.
                let part = bytes.slice(start as usize..end as usize);
                Ok(futures_util::stream::iter([Ok(part)]).boxed())
            }
            Place::Object(_, _) if start == end => Ok(futures_util::stream::empty().boxed()),
            Place::Object(store, key) => store.read(key, start..end).await,
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

impl Upload {
    pub(super) fn new(manager: ArtifactManager, limit: u64) -> Self {
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
    /// Those of [`ArtifactManager::save`].
    pub async fn finish(mut self, mut artifact: ArtifactIn) -> Result<Artifact, ArtifactError> {
        let info = self.info(&mut artifact)?;
        artifact.body = Body::Stored(match self.rest.take() {
            None => Stored::Inline(std::mem::take(&mut self.start).freeze(), info),
            Some((key, writer)) => {
                writer.finish().await?;
                Stored::Object(key, info)
            }
        });
        self.manager.save(artifact).await
    }

    /// Puts the bytes into their place, without saving an artifact yet.
    pub(super) async fn place(
        mut self,
        artifact: &mut ArtifactIn,
    ) -> Result<Stored, ArtifactError> {
        let info = self.info(artifact)?;
        Ok(match self.rest.take() {
            None => Stored::Inline(std::mem::take(&mut self.start).freeze(), info),
            Some((key, writer)) => {
                writer.finish().await?;
                Stored::Object(key, info)
            }
        })
    }

    fn info(&mut self, artifact: &mut ArtifactIn) -> Result<ContentInfo, ArtifactError> {
        let digest = std::mem::take(&mut self.hasher).finalize();
        Ok(ContentInfo {
            content_type: content_type(artifact.content_type.take())?,
            file_name: file_name(artifact.file_name.take())?,
            size: self.size,
            digest: hex(&digest),
        })
    }
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A media type, as a header may have it (RFC 9110, section 8.3.1).
fn content_type(given: Option<String>) -> Result<String, ArtifactError> {
    let invalid = |reason| ArtifactError::InvalidContent {
        what: "content type",
        reason,
    };
    let Some(text) = given else {
        return Ok("application/octet-stream".to_owned());
    };
    let text = text.trim();
    if text.len() > 255 {
        return Err(invalid("it is longer than 255 characters"));
    }
    if !text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Err(invalid(
            "it has other characters than printable ones of ASCII",
        ));
    }
    let essence = text.split(';').next().unwrap_or_default().trim();
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+%'*`|~".contains(&b))
    };
    match essence.split_once('/') {
        Some((kind, subtype)) if token(kind) && token(subtype) => {}
        _ => {
            return Err(invalid(
                "it is not of the form `type/subtype`, as `text/csv` is",
            ));
        }
    }
    let parameters = text.get(essence.len()..).unwrap_or_default();
    if !are_parameters(parameters, token) {
        return Err(invalid(
            "what follows the type is not of the form `; name=value`, as in `text/csv; charset=utf-8`",
        ));
    }
    Ok(text.to_owned())
}

/// Whether a text is parameters of a media type (RFC 9110, section 5.6.6): names with tokens or quoted strings.
fn are_parameters(text: &str, is_token: impl Fn(&str) -> bool) -> bool {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some(after) = rest.strip_prefix(';') else {
            return false;
        };
        rest = after.trim_start();
        // A semicolon too many is allowed.
        if rest.is_empty() || rest.starts_with(';') {
            continue;
        }
        let Some((name, value)) = rest.split_once('=') else {
            return false;
        };
        let end = match value.strip_prefix('"') {
            Some(quoted) => end_of_quoted(quoted).map(|end| end + 1),
            None => {
                let end = value.find([';', ' ']).unwrap_or(value.len());
                value.get(..end).is_some_and(&is_token).then_some(end)
            }
        };
        let Some(after) = end.and_then(|end| value.get(end..)) else {
            return false;
        };
        if !is_token(name) {
            return false;
        }
        rest = after.trim_start();
    }
    true
}

/// What comes after the quote that ends a quoted string.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => _ = bytes.next(),
            _ => {}
        }
    }
    None
}

/// The last part of a path: a name that leads nowhere else.
fn file_name(given: Option<String>) -> Result<Option<String>, ArtifactError> {
    let Some(text) = given else {
        return Ok(None);
    };
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let invalid = |reason| ArtifactError::InvalidContent {
        what: "file name",
        reason,
    };
    if name.chars().any(char::is_control) {
        return Err(invalid("it has control characters"));
    }
    if name.len() > 255 {
        return Err(invalid("it is longer than 255 bytes"));
    }
    Ok((!matches!(name, "" | "." | "..")).then(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        let of = |text: &str| content_type(Some(text.to_owned()));
        for fine in [
            "text/csv",
            "text/plain; charset=utf-8",
            "application/vnd.api+json",
            "text/plain;charset=utf-8;format=flowed ; a=b",
            "text/plain; a=\"x;y \\\" z\"; b=1",
            "text/plain;",
            "text/plain; ; a=b",
        ] {
            assert_eq!(of(fine).unwrap(), fine);
        }
        for wrong in [
            "",
            "text",
            "/",
            "text/",
            "a b/c",
            "text/csv\r\nx: y",
            "tëxt/csv",
            "text/csv; charset",
            "text/csv; charset=",
            "text/csv; =utf-8",
            "text/csv; a b=c",
            "text/csv; a=b c",
            "text/csv; a=\"b",
            "text/csv; a=\"b\"c",
            "text/csv charset=utf-8",
            "text/csv, text/plain",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn file_names_lead_nowhere() {
        let of = |text: &str| file_name(Some(text.to_owned())).unwrap();
        assert_eq!(of("a.csv").as_deref(), Some("a.csv"));
        assert_eq!(of("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(of("C:\\tmp\\Größe 1.csv").as_deref(), Some("Größe 1.csv"));
        for nothing in ["", "..", "a/..", "a/"] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
        assert!(file_name(Some("a\r\nb".to_owned())).is_err());
    }
}
