//! Which artifacts of the list are wanted.

use super::ArtifactError;
use crate::database::SEARCH_LENGTH;
use crate::text::storable;

/// Which artifacts of the list are wanted: those that fit all that is said, or all of them.
///
/// ```
/// use tasks_runtime::artifacts::{ArtifactFilter, ArtifactManager};
///
/// # async fn look(artifacts: &ArtifactManager) -> anyhow::Result<()> {
/// let wanted = ArtifactFilter::new().tag("report").search("berlin");
/// let newest = artifacts.list_matching(&wanted, None, 20).await?;
/// # let _ = newest;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct ArtifactFilter {
    pub(super) tag: Option<String>,
    pub(super) search: Option<String>,
}

impl ArtifactFilter {
    /// All artifacts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those that have a tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(storable(&tag.into()));
        self
    }

    /// Those of the newest 100,000 that have a text, of 3 to 200 characters, in their file name, their tags, or their metadata as JSON, if that has up to 8 KiB. Upper and lower case are
    /// the same, in SQLite only those of ASCII letters.
    pub fn search(mut self, text: impl Into<String>) -> Self {
        self.search = Some(storable(&text.into()));
        self
    }

    /// Whether many rows may have to be read for few that fit.
    pub(super) fn is_costly(&self) -> bool {
        self.tag.is_some() || self.search.is_some()
    }

    /// Refuses a text that is too short or too long.
    pub(super) fn check(&self) -> Result<(), ArtifactError> {
        let (least, most) = SEARCH_LENGTH.into_inner();
        match &self.search {
            Some(text) if !SEARCH_LENGTH.contains(&text.chars().count()) => {
                Err(ArtifactError::InvalidSearch { least, most })
            }
            _ => Ok(()),
        }
    }
}
