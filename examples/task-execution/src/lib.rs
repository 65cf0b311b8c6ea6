//! Tasks of all kinds that need no database, and what they need injected.
//!
//! They live in a library so that another application can link them, too: it calls [`registry`], or names the crate
//! (`use task_execution as _;`) and lets discovery find them.

pub mod data_dir;
pub mod table;
pub mod tasks;
pub mod weather;

use std::path::PathBuf;

use tasks_web::prelude::*;
use tasks_web::{BuildError, RegistryError};

use data_dir::DataDir;
use tasks::admin::BackupDir;

/// All tasks of this crate: those that discovery finds, and one that is registered by hand under another name.
///
/// # Errors
///
/// When two tasks have one name.
pub fn registry() -> Result<TaskRegistry, RegistryError> {
    TaskRegistry::builder()
        .discover()
        .task(
            task(tasks::math::another_task)
                .named("double_it")
                .tagged(["math"]),
        )
        .build()
}

/// Where the example reads and writes.
#[derive(Clone, Debug)]
pub struct Directories {
    /// `process_csv` and `weather_summary` read files of this directory, and no others.
    pub data: PathBuf,
    /// `backup_database` writes here.
    pub backups: PathBuf,
}

impl Default for Directories {
    /// The data that comes with the example, or what `DATA_DIR` and `BACKUP_DIR` say.
    fn default() -> Self {
        let or =
            |name: &str, default: PathBuf| std::env::var_os(name).map_or(default, PathBuf::from);
        Self {
            data: or(
                "DATA_DIR",
                PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data")),
            ),
            backups: or(
                "BACKUP_DIR",
                std::env::temp_dir().join("task-execution-backups"),
            ),
        }
    }
}

/// An executor for the tasks, with what they need.
///
/// # Errors
///
/// When something a task needs is not provided.
pub fn executor(
    registry: TaskRegistry,
    directories: Directories,
) -> Result<TaskExecutor, BuildError> {
    TaskExecutor::builder(registry)
        .provide(DataDir::new(directories.data))
        .provide(BackupDir(directories.backups))
        .build()
}
