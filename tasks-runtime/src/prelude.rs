//! What most programs need: `use tasks_runtime::prelude::*;`.

#[cfg(feature = "database")]
pub use crate::{
    ArtifactError, ArtifactHierarchy, ArtifactManager, Database, DatabaseError, JobError, Jobs,
    NewArtifact, Scheduler, Session, Transaction, with_conn,
};
pub use crate::{
    BuildError, ExecuteError, Injectable, RegistryError, State, TaskContext, TaskError,
    TaskExecutor, TaskFailure, TaskRegistry, call, run_program, run_shell, task,
};
