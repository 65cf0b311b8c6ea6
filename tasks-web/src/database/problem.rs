//! Errors of the database, as problems.

use std::error::Error;
use std::time::Duration;

use actix_web::http::StatusCode;
use tasks_runtime::DatabaseError;
use tasks_runtime::artifacts::ArtifactError;
use tasks_runtime::database::DatabaseChange;
use tasks_runtime::jobs::JobError;

use crate::problem::Problem;

impl From<DatabaseError> for Problem {
    /// What the database says is for the log: it may quote values.
    fn from(error: DatabaseError) -> Self {
        let error = match error {
            DatabaseError::Closure(error) => return Self::of_caller(error),
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
        if let DatabaseError::Changed(change) = error {
            tracing::error!(%error, "the database is not available");
            return Self::database_changed(words_of_change(change));
        }
        if let DatabaseError::TooManySearches = error {
            let busy = StatusCode::SERVICE_UNAVAILABLE;
            return Self::new(busy, "server-busy", error.to_string())
                .retry_after(Duration::from_secs(5));
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

/// What everybody may know of a database that is not the one that was opened, in its health and in answers.
pub(super) fn words_of_change(change: DatabaseChange) -> String {
    format!("the database is not the one that was opened: {change}")
}

impl Problem {
    /// The database is not the one that was opened.
    fn database_changed(detail: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "database-changed", detail)
            .retry_after(Duration::from_secs(1))
    }

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
        let error = DatabaseError::from(JobError::JobNotFound(JobId::new()));
        assert_eq!(Problem::from(error).status_code(), StatusCode::NOT_FOUND);
        let error = DatabaseError::from(JobError::Invalid(Vec::new()));
        assert_eq!(
            Problem::from(error).status_code(),
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
}
