//! Errors of artifacts, as problems.

use std::error::Error;

use actix_web::http::StatusCode;
use tasks_runtime::artifacts::ArtifactError;
use tasks_runtime::jobs::JobError;
use tasks_runtime::{ArgumentError, DatabaseError};

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

/// Whether the operating system said so, however deep it is in the chain of causes.
fn is_storage_full(error: &(dyn Error + 'static)) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    std::iter::successors(Some(error), |error| Error::source(*error))
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| matches!(error.kind(), StorageFull | QuotaExceeded))
}

impl From<DatabaseError> for Problem {
    /// What the database says is for the log: it may quote values.
    fn from(error: DatabaseError) -> Self {
        let error = match error {
            DatabaseError::Caller(error) => return Self::of_caller(error),
            error => error,
        };
        if error.is_storage_full() {
            tracing::error!(%error, "the disk of the database is full");
            return Self::storage_full();
        }
        if error.is_read_only() {
            tracing::error!(%error, "the database cannot be written");
            return Self::unavailable("the database cannot be written");
        }
        if error.is_temporary() || matches!(error, DatabaseError::Closed) {
            tracing::warn!(%error, "the database is not available");
            return Self::unavailable("the database is not available");
        }
        tracing::error!(%error, "the database failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the database failed",
        )
    }
}

impl Problem {
    /// What failed inside of a transaction is answered as it is outside of one.
    fn of_caller(error: Box<dyn Error + Send + Sync>) -> Self {
        let error = match error.downcast::<JobError>() {
            Ok(error) => return (*error).into(),
            Err(error) => error,
        };
        match error.downcast::<ArtifactError>() {
            Ok(error) => (*error).into(),
            Err(error) => {
                tracing::error!(%error, "what was called in a transaction failed");
                Self::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError as _;
    use tasks_runtime::jobs::JobId;

    use super::*;

    #[test]
    fn an_error_inside_of_a_transaction_is_the_one_outside_of_it() {
        let error = DatabaseError::from(JobError::NotFound(JobId::new()));
        assert_eq!(Problem::from(error).status_code(), StatusCode::NOT_FOUND);
        let error = DatabaseError::from(JobError::Invalid(Vec::new()));
        assert_eq!(
            Problem::from(error).status_code(),
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
}
