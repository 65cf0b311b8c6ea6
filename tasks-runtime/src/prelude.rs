//! What most programs need: `use tasks_runtime::prelude::*;`.

pub use crate::{
    ArgumentError, BuildError, ExecuteError, Injectable, RegistryError, State, TaskContext,
    TaskError, TaskExecutor, TaskFailure, TaskRegistry, call, run_program, run_shell, task,
};
#[cfg(feature = "database")]
pub use crate::{
    ArtifactError, ArtifactHierarchy, ArtifactManager, Database, DatabaseError, JobError, Jobs,
    NewArtifact, Scheduler, Session, Transaction, with_conn,
};
