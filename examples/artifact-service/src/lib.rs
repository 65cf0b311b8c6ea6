//! Tasks that store their results as artifacts: a project has datasets, and a dataset has results.

pub mod summary;
pub mod tasks;

use tasks_web::prelude::*;

/// What the levels of a tree are.
#[must_use]
pub fn hierarchy() -> ArtifactHierarchy {
    ArtifactHierarchy::new("analyses")
        .level(0, "project")
        .level(1, "dataset")
        .level(2, "result")
}
