//! How artifacts are to be stored.

use std::fmt;

use super::hooks::ArtifactHooks;
use super::manager::ArtifactManager;
use super::store::ContentStore;
use super::{ArtifactError, ArtifactHierarchy};
use crate::database::{Backend, Database};

/// Puts an [`ArtifactManager`] together.
pub struct ArtifactManagerBuilder {
    database: Database,
    hierarchy: ArtifactHierarchy,
    hooks: Vec<Box<dyn ArtifactHooks>>,
    store: Option<ContentStore>,
}

impl fmt::Debug for ArtifactManagerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArtifactManagerBuilder")
            .field("hierarchy", &self.hierarchy)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl ArtifactManager {
    /// Starts to put a manager together.
    #[must_use]
    pub fn builder(database: Database) -> ArtifactManagerBuilder {
        ArtifactManagerBuilder::new(database)
    }
}

impl ArtifactManagerBuilder {
    fn new(database: Database) -> Self {
        Self {
            database,
            hierarchy: ArtifactHierarchy::default(),
            hooks: Vec::new(),
            store: None,
        }
    }

    /// What the levels are called.
    #[must_use]
    pub fn hierarchy(mut self, hierarchy: ArtifactHierarchy) -> Self {
        self.hierarchy = hierarchy;
        self
    }

    /// Where content goes that is too large for the database: more than 64 KiB with SQLite, more than 1 MiB with PostgreSQL. Unless set:
    /// beside the SQLite file, in a directory of its name and `-artifacts`. With PostgreSQL such content is refused unless a store is set,
    /// since no directory of one computer is one of all; what was written to `artifacts` in the directory the program runs in, before that
    /// was so, is still read.
    #[must_use]
    pub fn store(mut self, store: ContentStore) -> Self {
        self.store = Some(store);
        self
    }

    /// Code that runs before and after changes, after that of earlier calls.
    #[must_use]
    pub fn hooks(mut self, hooks: impl ArtifactHooks) -> Self {
        self.hooks.push(Box::new(hooks));
        self
    }

    /// Makes the manager.
    ///
    /// # Errors
    ///
    /// When the database is closed.
    pub fn build(self) -> Result<ArtifactManager, ArtifactError> {
        let store = match self.store {
            Some(store) => store,
            None => {
                let directory = self.database.content_directory()?;
                match self.database.backend() {
                    Backend::Sqlite => ContentStore::local(directory),
                    Backend::Postgres => ContentStore::assumed(directory),
                }
            }
        };
        Ok(ArtifactManager::assemble(
            self.database.session(),
            self.hierarchy,
            self.hooks,
            store,
        ))
    }
}
