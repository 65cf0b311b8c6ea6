//! Parts of the list.

use std::fmt;
use std::str::FromStr;

use crate::artifacts::id::ArtifactId;

use super::Artifact;

/// Some of the artifacts, oldest first and without their data.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ArtifactList {
    /// The artifacts.
    pub items: Vec<Artifact>,
    /// Where the rest begins, when there is more.
    pub next: Option<Cursor>,
}

/// One page of the list, oldest first and without their data.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ArtifactPage {
    /// The artifacts.
    pub items: Vec<Artifact>,
    /// How many artifacts there are on all pages.
    pub total: u64,
    /// Which page it is, from 1.
    pub page: u64,
    /// How many a page has.
    pub size: u64,
    /// How many pages there are.
    pub pages: u64,
}

/// A place in the list, which stays valid whatever is saved and deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) created_at: i64,
    pub(super) id: ArtifactId,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.created_at, self.id)
    }
}

/// A text that is no [`Cursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place in the list: take the one from the `Link` header")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (created_at, id) = text.split_once('_').ok_or(InvalidCursor)?;
        let cursor = Self {
            created_at: created_at.parse().map_err(|_| InvalidCursor)?,
            id: id.parse::<ArtifactId>().map_err(|_| InvalidCursor)?,
        };
        // There is one way to write it.
        (cursor.to_string() == text)
            .then_some(cursor)
            .ok_or(InvalidCursor)
    }
}
