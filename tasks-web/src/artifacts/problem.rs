//! Errors of artifacts, as problems.

use std::error::Error;

use actix_web::http::StatusCode;
use tasks_runtime::ArgumentError;
use tasks_runtime::artifacts::ArtifactError;

use crate::problem::Problem;

impl From<ArtifactError> for Problem {
    fn from(error: ArtifactError) -> Self {
        let detail = error.to_string();
        let invalid = |pointer: &str, detail: String| {
            Self::invalid_body(vec![ArgumentError::new(pointer, detail)])
        };
        match error {
            ArtifactError::NotFound(_) => {
                Self::new(StatusCode::NOT_FOUND, "unknown-artifact", detail)
            }
            ArtifactError::AlreadyExists(_) => {
                Self::new(StatusCode::CONFLICT, "artifact-exists", detail)
            }
            ArtifactError::Changed(_) => {
                Self::new(StatusCode::CONFLICT, "artifact-changed", detail)
            }
            ArtifactError::Cycle { .. } => {
                Self::new(StatusCode::CONFLICT, "artifact-cycle", detail)
            }
            ArtifactError::TreeTooLarge(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "tree-too-large", detail)
            }
            ArtifactError::UnknownParent(_) | ArtifactError::TooDeep(_) => {
                invalid("/parent_id", detail)
            }
            ArtifactError::InvalidTags(_) => invalid("/tags", detail),
            ArtifactError::InvalidSearch { .. } => invalid("?search", detail),
            ArtifactError::InvalidMetadata => invalid("/metadata", detail),
            ArtifactError::Data(_) | ArtifactError::NoData => invalid("/data", detail),
            ArtifactError::InvalidContent { .. } => invalid("", detail),
            ArtifactError::Refused(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "artifact-refused", detail)
            }
            ArtifactError::TooLarge { limit } => {
                Self::payload_too_large(usize::try_from(limit).unwrap_or(usize::MAX))
            }
            ArtifactError::NoStore { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", detail)
            }
            ArtifactError::Interrupted(_) => Self::broken_body(detail),
            ArtifactError::Database(error) => error.into(),
            error if is_storage_full(&error) => {
                tracing::error!(%error, "the disk of the store of artifacts is full");
                Self::storage_full()
            }
            error => {
                tracing::error!(%error, "the store of artifacts failed");
                Self::unavailable("the content of artifacts cannot be reached")
            }
        }
    }
}

impl Problem {
    /// The body is well-formed, and does not fit what is there.
    pub(super) fn conflicting_body(errors: Vec<ArgumentError>) -> Self {
        let invalid = Self::invalid_body(errors);
        Self::new(StatusCode::CONFLICT, "artifact-conflict", invalid.detail)
            .with_errors(invalid.errors)
    }
}

/// Whether the operating system said so, however deep it is in the chain of causes.
fn is_storage_full(error: &(dyn Error + 'static)) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    std::iter::successors(Some(error), |error| Error::source(*error))
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| matches!(error.kind(), StorageFull | QuotaExceeded))
}
