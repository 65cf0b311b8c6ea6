//! What can go wrong with artifacts.

use crate::artifacts::id::ArtifactId;

use super::limits::{MAX_LEVEL, MAX_NODES};
use crate::database::DatabaseError;

/// Why something was not done with an artifact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// There is none of this id.
    #[error("there is no artifact {0}")]
    NotFound(ArtifactId),
    /// There is one of this id already.
    #[error("there is an artifact {0} already: update that one, or leave the id out")]
    AlreadyExists(ArtifactId),
    /// The parent is not there.
    #[error("the parent {0} does not exist")]
    UnknownParent(ArtifactId),
    /// The new parent is the artifact itself, or below it.
    #[error("{parent} is {id} itself or below it: an artifact cannot be its own ancestor")]
    Cycle {
        /// The artifact.
        id: ArtifactId,
        /// The parent it was to get.
        parent: ArtifactId,
    },
    /// The tree would be too deep.
    #[error("an artifact would be at level {0}, and {MAX_LEVEL} is the last one")]
    TooDeep(i64),
    /// The tree is too large to be shown at once.
    #[error("the tree of {0} has more than {MAX_NODES} artifacts: ask for a part of it")]
    TreeTooLarge(ArtifactId),
    /// Somebody else has changed it since it was looked at.
    #[error("the artifact {0} was changed in the meantime: look at it again")]
    Changed(ArtifactId),
    /// The tags break the rules; each that is broken.
    #[error("{}", .0.join("; "))]
    InvalidTags(Vec<String>),
    /// A text that is to be searched for is too short or too long.
    #[error("a text of {least} to {most} characters can be searched for")]
    InvalidSearch {
        /// The least number of characters.
        least: usize,
        /// The largest number.
        most: usize,
    },
    /// The metadata is not an object.
    #[error("the metadata is not a JSON object")]
    InvalidMetadata,
    /// The content type or the file name cannot be a header.
    #[error("the {what} is not well-formed: {reason}")]
    InvalidContent {
        /// `content type` or `file name`.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A value cannot be written as JSON, or is of another shape than what is read.
    #[error("the data does not fit: {0}")]
    Data(#[from] serde_json::Error),
    /// There is neither JSON nor content.
    #[error("the artifact has no data: give it JSON or content")]
    NoData,
    /// A hook said no.
    #[error("{0}")]
    Refused(String),
    /// The content is larger than it may be.
    #[error("the content is larger than {limit} bytes")]
    TooLarge {
        /// How many bytes there may be.
        limit: u64,
    },
    /// The content is too large for the database, and no store for it was named.
    #[error(
        "the content is larger than the {limit} bytes that are kept in PostgreSQL, and no store for more was named: set `ARTIFACTS_DIR` \
         to a directory that all processes share, or give the artifacts a store by `.store(…)`"
    )]
    NoStore {
        /// How many bytes there may be without one.
        limit: u64,
    },
    /// What the content comes from broke off.
    #[error("the content ended too early: {0}")]
    Interrupted(String),
    /// The directory of large content cannot be used.
    #[error(
        "the directory `{}` for the content of artifacts cannot be written: {source}; let the user that the program runs as write to it, or \
         name another one by `ARTIFACTS_DIR` or `.store(…)`",
        .directory.display()
    )]
    Directory {
        /// Which one.
        directory: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The store of large content failed.
    #[error("the content store failed: {0}")]
    Store(#[from] object_store::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for ArtifactError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl ArtifactError {
    /// Whether the same may succeed a little later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Database(error) => error.is_temporary(),
            Self::Store(_) | Self::Directory { .. } => true,
            _ => false,
        }
    }
}

impl From<ArtifactError> for DatabaseError {
    /// So that a transaction whose errors are those of the database may save artifacts.
    fn from(error: ArtifactError) -> Self {
        match error {
            ArtifactError::Database(error) => error,
            other => Self::Closure(Box::new(other)),
        }
    }
}
