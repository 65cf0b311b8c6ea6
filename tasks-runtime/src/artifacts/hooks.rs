//! Code of the application around changes of artifacts.

use std::error::Error;
use std::pin::Pin;

use super::{Artifact, NewArtifact};

/// What a hook returns.
pub type HookFuture<'a, T = Result<(), Box<dyn Error + Send + Sync>>> =
    Pin<Box<dyn Future<Output = T> + Send + 'a>>;

fn nothing<'a, T: Default + Send + 'a>() -> HookFuture<'a, T> {
    Box::pin(async { T::default() })
}

fn fine<'a>() -> HookFuture<'a> {
    Box::pin(async { Ok(()) })
}

/// Code of the application that runs before and after artifacts are saved, updated and deleted.
///
/// A hook that runs before may change what is stored, and may refuse it: its error is
/// [`ArtifactError::Refused`](super::ArtifactError::Refused), and nothing is stored. A hook that runs after is called once
/// the change is committed, or, within a transaction of the caller, once it is made there.
///
/// ```
/// use tasks_runtime::artifacts::{ArtifactHooks, NewArtifact, HookFuture};
///
/// struct Owned;
///
/// impl ArtifactHooks for Owned {
///     fn before_save<'a>(&'a self, artifact: &'a mut NewArtifact) -> HookFuture<'a> {
///         Box::pin(async move {
///             if artifact.tag_list().is_empty() {
///                 return Err("an artifact needs a tag that says whose it is".into());
///             }
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait ArtifactHooks: Send + Sync + 'static {
    /// Before an artifact is stored for the first time.
    fn before_save<'a>(&'a self, artifact: &'a mut NewArtifact) -> HookFuture<'a> {
        let _ = artifact;
        fine()
    }

    /// After an artifact was stored for the first time.
    fn after_save<'a>(&'a self, artifact: &'a Artifact) -> HookFuture<'a, ()> {
        let _ = artifact;
        nothing()
    }

    /// Before an artifact is replaced by another version of it.
    fn before_update<'a>(
        &'a self,
        current: &'a Artifact,
        new: &'a mut NewArtifact,
    ) -> HookFuture<'a> {
        let _ = (current, new);
        fine()
    }

    /// After an artifact was replaced.
    fn after_update<'a>(&'a self, artifact: &'a Artifact) -> HookFuture<'a, ()> {
        let _ = artifact;
        nothing()
    }

    /// Before an artifact is deleted.
    fn before_delete<'a>(&'a self, artifact: &'a Artifact) -> HookFuture<'a> {
        let _ = artifact;
        fine()
    }

    /// After an artifact was deleted.
    fn after_delete<'a>(&'a self, artifact: &'a Artifact) -> HookFuture<'a, ()> {
        let _ = artifact;
        nothing()
    }
}
