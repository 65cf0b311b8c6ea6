//! What most programs need: `use tasks_web::prelude::*;`.

pub use tasks_runtime::prelude::*;

pub use crate::{OpenApi, Problem, TaskScope};
