//! What handlers of artifacts work with.

use std::time::Duration;

use tasks_runtime::artifacts::ArtifactManager;

use crate::http::BodyLimits;

/// What is served, and how much of it.
#[derive(Clone, Debug)]
pub(crate) struct ArtifactOptions {
    pub(crate) create: bool,
    pub(crate) read: bool,
    pub(crate) update: bool,
    pub(crate) delete: bool,
    pub(crate) body: BodyLimits,
    pub(crate) upload_limit: u64,
}

impl Default for ArtifactOptions {
    fn default() -> Self {
        Self {
            create: true,
            read: true,
            update: true,
            delete: true,
            body: BodyLimits {
                bytes: 2 * 1024 * 1024,
                time: Duration::from_secs(30),
            },
            upload_limit: 1024 * 1024 * 1024,
        }
    }
}

/// What a request is answered with.
#[derive(Clone)]
pub(super) struct ArtifactRoutes {
    pub(super) prefix: String,
    pub(super) manager: ArtifactManager,
    pub(super) options: ArtifactOptions,
}
