//! Where the database of a service is from.

use tasks_runtime::Database;
use tasks_runtime::database::DatabaseBuilder;

/// A database, or how to open one.
#[derive(Debug)]
pub enum DatabaseSource {
    /// One that is open.
    Open(Database),
    /// One that is opened when the service is built.
    Builder(Box<DatabaseBuilder>),
}

impl From<Database> for DatabaseSource {
    fn from(database: Database) -> Self {
        Self::Open(database)
    }
}

impl From<DatabaseBuilder> for DatabaseSource {
    fn from(builder: DatabaseBuilder) -> Self {
        Self::Builder(Box::new(builder))
    }
}

impl DatabaseSource {
    /// Where there is SQLite, a private database that is gone with the service.
    pub(crate) fn private() -> Option<Self> {
        #[cfg(feature = "sqlite")]
        return Some(Database::sqlite_in_memory().into());
        #[cfg(not(feature = "sqlite"))]
        None
    }

    pub(crate) async fn connect(self, problems: &mut Vec<String>) -> Option<Database> {
        match self {
            Self::Open(database) => Some(database),
            Self::Builder(builder) => builder
                .connect()
                .await
                .map_err(|error| problems.push(error.to_string()))
                .ok(),
        }
    }
}
