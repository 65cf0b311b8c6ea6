//! Why an executor cannot be built.

use std::error::Error;
use std::fmt;

/// Why an executor cannot be built. All reasons are given at once.
#[derive(Debug)]
pub struct BuildError {
    pub(crate) missing: Vec<MissingDependency>,
    pub(crate) other: Vec<String>,
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

impl BuildError {
    /// Every dependency that is missing.
    #[must_use]
    pub fn missing(&self) -> &[MissingDependency] {
        &self.missing
    }

    /// All else that is wrong, one line each.
    #[must_use]
    pub fn other(&self) -> &[String] {
        &self.other
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
        for problem in &self.other {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl Error for BuildError {}
