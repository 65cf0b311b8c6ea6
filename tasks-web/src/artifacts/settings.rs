//! How the artifacts of a service are stored and served.

use tasks_runtime::artifacts::{ArtifactHooks, ArtifactManagerBuilder, ContentStore};
use tasks_runtime::{ArtifactHierarchy, ArtifactManager, Database};

use super::scope::{ArtifactScope, artifacts};

/// How artifacts are stored and served; an [`ArtifactHierarchy`] alone is one.
///
/// ```
/// use tasks_web::prelude::*;
/// use tasks_web::Artifacts;
///
/// let artifacts = Artifacts::new(ArtifactHierarchy::new("results").level(0, "run"))
///     .routes(|routes| routes.without_delete().upload_limit(100 * 1024 * 1024));
/// # let _ = artifacts;
/// ```
pub struct Artifacts {
    set: Vec<Box<dyn FnOnce(ArtifactManagerBuilder) -> ArtifactManagerBuilder + Send>>,
    routes: Vec<Box<dyn FnOnce(ArtifactScope) -> ArtifactScope + Send>>,
    store: bool,
}

impl std::fmt::Debug for Artifacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Artifacts").finish_non_exhaustive()
    }
}

impl From<ArtifactHierarchy> for Artifacts {
    fn from(hierarchy: ArtifactHierarchy) -> Self {
        Self::new(hierarchy)
    }
}

impl Artifacts {
    /// With names for the levels of trees.
    #[must_use]
    pub fn new(hierarchy: ArtifactHierarchy) -> Self {
        Self {
            set: vec![Box::new(|manager| manager.hierarchy(hierarchy))],
            routes: Vec::new(),
            store: false,
        }
    }

    /// Where large content goes, in place of the directory that `ARTIFACTS_DIR` names, or one beside the file of SQLite. With PostgreSQL and
    /// neither of the two, content of more than 1 MiB is refused.
    #[must_use]
    pub fn store(mut self, store: ContentStore) -> Self {
        self.store = true;
        self.set.push(Box::new(|manager| manager.store(store)));
        self
    }

    /// Code that runs before and after changes.
    #[must_use]
    pub fn hooks(mut self, hooks: impl ArtifactHooks) -> Self {
        self.set.push(Box::new(|manager| manager.hooks(hooks)));
        self
    }

    /// What is served, and how much of it.
    #[must_use]
    pub fn routes(
        mut self,
        set: impl FnOnce(ArtifactScope) -> ArtifactScope + Send + 'static,
    ) -> Self {
        self.routes.push(Box::new(set));
        self
    }

    /// The manager, and the routes at a path.
    pub(crate) fn build(
        self,
        database: &Database,
        path: &str,
        problems: &mut Vec<String>,
    ) -> Option<(ArtifactManager, ArtifactScope)> {
        let mut builder = ArtifactManager::builder(database.clone());
        if let Some(directory) = std::env::var_os("ARTIFACTS_DIR").filter(|_| !self.store) {
            builder = builder.store(ContentStore::local(directory));
        }
        for set in self.set {
            builder = set(builder);
        }
        let manager = builder
            .build()
            .and_then(|manager| manager.check_writable().map(|()| manager))
            .map_err(|error| problems.push(format!("the artifacts: {error}")))
            .ok()?;
        let scope = artifacts(path, manager.clone());
        let scope = self.routes.into_iter().fold(scope, |scope, set| set(scope));
        Some((manager, scope))
    }
}
