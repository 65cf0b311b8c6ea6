//! What an artifact holds, before and after it is in its place.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;

use super::{ArtifactError, ContentInfo, JsonText};
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

/// What is to be held.
#[derive(Debug, Default)]
pub(super) enum Body {
    /// Nothing: what is there is kept, or comes by an upload.
    #[default]
    None,
    Json(JsonText),
    Bytes(Bytes),
    /// It is in its place already.
    StoredBody(StoredBody),
}

/// What an artifact holds, in its place: all that is left to do is to write the row.
#[derive(Debug)]
pub(super) enum StoredBody {
    Json(JsonText),
    Inline(Bytes, ContentInfo),
    Object(String, ContentInfo),
}
