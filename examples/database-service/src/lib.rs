//! Tasks over tables of one's own, in SQLite or PostgreSQL.

pub mod airports;
pub mod schema;
pub mod tasks;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use tasks_web::database::DatabaseBuilder;
use tasks_web::prelude::*;

/// The tables of the example.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The database that `DATABASE_URL` names, or SQLite in `database-service.db`, with the tables of the example.
#[must_use]
pub fn database() -> DatabaseBuilder {
    Database::from_env_or("DATABASE_URL", "sqlite://database-service.db").migrations(MIGRATIONS)
}
