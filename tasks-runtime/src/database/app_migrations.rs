//! The migrations of the application, which diesel runs.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::EmbeddedMigrations;

/// Says which of the app's migrations were run, as it is said of ours.
pub(super) fn say<DB: diesel::backend::Backend>(
    source: &impl MigrationSource<DB>,
    run: &[diesel::migration::MigrationVersion<'_>],
) {
    for migration in source.migrations().unwrap_or_default() {
        let name = migration.name();
        if run.iter().any(|version| *version == name.version()) {
            tracing::info!(migration = %name, "migrated");
        }
    }
}

/// A source that can be given away more than once.
#[derive(Clone)]
pub(super) struct Embedded(pub(super) Arc<EmbeddedMigrations>);

impl<DB: diesel::backend::Backend> MigrationSource<DB> for Embedded {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<DB>>>> {
        self.0.migrations()
    }
}

/// An error that diesel's transactions may return.
#[derive(Debug)]
pub(super) struct Undone(pub(super) Box<dyn Error + Send + Sync>);

impl From<diesel::result::Error> for Undone {
    fn from(error: diesel::result::Error) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Undone {}
