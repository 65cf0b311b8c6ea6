//! Names for the levels of a tree.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// What the levels of a tree of artifacts are called. Level 0 is that of artifacts without a parent.
///
/// ```
/// use tasks_runtime::artifacts::ArtifactHierarchy;
///
/// let hierarchy = ArtifactHierarchy::new("experiments").level(0, "experiment").level(1, "run");
/// assert_eq!(hierarchy.label(1), "run");
/// assert_eq!(hierarchy.label(2), "level_2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactHierarchy {
    name: String,
    levels: BTreeMap<u32, String>,
}

impl ArtifactHierarchy {
    /// A hierarchy whose levels have no names yet.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            levels: BTreeMap::new(),
        }
    }

    /// Names a level.
    #[must_use]
    pub fn level(mut self, level: u32, label: impl Into<String>) -> Self {
        self.levels.insert(level, label.into());
        self
    }

    /// The name of the hierarchy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of a level; `level_{n}` when it was given none.
    #[must_use]
    pub fn label(&self, level: u32) -> Cow<'_, str> {
        match self.levels.get(&level) {
            Some(label) => Cow::Borrowed(label),
            None => Cow::Owned(format!("level_{level}")),
        }
    }

    /// The levels that have names, from the top.
    pub fn levels(&self) -> impl Iterator<Item = (u32, &str)> {
        self.levels
            .iter()
            .map(|(level, label)| (*level, label.as_str()))
    }
}

impl Default for ArtifactHierarchy {
    /// One called `artifacts`, without names for its levels.
    fn default() -> Self {
        Self::new("artifacts")
    }
}
