//! What tasks get injected.

use schemars::JsonSchema;
use serde::Serialize;
use tasks_web::prelude::*;

/// What was done, and where.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Processed {
    /// `processed`.
    pub status: &'static str,
    /// Where the database is, without its password.
    pub database_url: String,
}

/// Dependencies are injected because of their types.
#[task(tags = ["demo", "injection"])]
pub async fn process_data(database: Database) -> Processed {
    Processed {
        status: "processed",
        database_url: database.url().to_owned(),
    }
}

/// What was injected, and what was sent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Dependencies {
    /// Where the database is.
    pub database_url: String,
    /// Whether it answers.
    pub alive: bool,
    /// What the client sent.
    pub custom_param: String,
}

/// A database and a session are injected; the rest comes from the request.
#[task(tags = ["demo", "injection"])]
pub async fn with_dependencies(
    database: Database,
    session: Session,
    /// Anything.
    #[task(default = "default")]
    custom_param: String,
) -> Dependencies {
    let alive = session
        .read(async |conn| conn.batch("SELECT 1").await)
        .await
        .is_ok();
    Dependencies {
        database_url: database.url().to_owned(),
        alive,
        custom_param,
    }
}
