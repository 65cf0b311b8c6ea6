//! What most programs need: `use tasks_runtime::prelude::*;`.

pub use crate::{
    Injectable, State, TaskContext, TaskError, TaskExecutor, TaskRegistry, call, run_program,
    run_shell, task,
};
