//! What most programs need: `use tasks_runtime::prelude::*;`.

#[cfg(feature = "database")]
pub use crate::{
    ArtifactHierarchy, ArtifactIn, ArtifactManager, Database, Jobs, Scheduler, Session,
    Transaction, with_conn,
};
pub use crate::{
    Injectable, State, TaskContext, TaskError, TaskExecutor, TaskRegistry, call, run_program,
    run_shell, task,
};
