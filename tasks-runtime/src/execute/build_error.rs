//! Why an executor cannot be built.

use std::error::Error;
use std::fmt;

/// Why an executor cannot be built. All reasons are given at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    pub(crate) missing: Vec<MissingDependency>,
    pub(crate) unknown_limits: Vec<UnknownLimit>,
}

/// A value that a task needs and the executor was not given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingDependency {
    /// The task.
    pub task: String,
    /// The parameter.
    pub parameter: String,
    /// The missing type.
    pub type_name: &'static str,
    /// Where the task is: `src/tasks.rs:12`.
    pub location: String,
}

/// A limit of a task that the executor does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownLimit {
    /// The name that was given to [`task_max_concurrency`](crate::ExecutorBuilder::task_max_concurrency).
    pub task: String,
    /// The task whose name is nearest to it, if any is near.
    pub nearest: Option<String>,
}

impl fmt::Display for UnknownLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a limit is set for the task `{}`, which does not exist",
            self.task
        )?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}

impl BuildError {
    /// Every dependency that is missing.
    #[must_use]
    pub fn missing(&self) -> &[MissingDependency] {
        &self.missing
    }

    /// Every limit of a task that does not exist.
    #[must_use]
    pub fn unknown_limits(&self) -> &[UnknownLimit] {
        &self.unknown_limits
    }
}

impl fmt::Display for MissingDependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            task,
            parameter,
            type_name,
            location,
        } = self;
        write!(
            f,
            "task `{task}` needs a `{type_name}` for its parameter `{parameter}` ({location})"
        )
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the executor cannot be built")?;
        for missing in &self.missing {
            write!(f, "\n  {missing}: give one to `provide`")?;
        }
        for unknown in &self.unknown_limits {
            write!(f, "\n  {unknown}")?;
        }
        Ok(())
    }
}

impl Error for BuildError {}
