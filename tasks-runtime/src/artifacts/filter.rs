//! Which artifacts of the list are wanted.

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
        self.tag = Some(tag.into());
        self
    }

    /// Those of the newest 100,000 that have a text, of 3 to 200 characters, in their file name, their tags, or their metadata as JSON. Upper and lower case are
    /// the same, in SQLite only those of ASCII letters.
    pub fn search(mut self, text: impl Into<String>) -> Self {
        self.search = Some(text.into());
        self
    }
}
