//! Why a registry cannot be built.

use std::error::Error;
use std::fmt;

/// Everything that keeps a registry from being built.
#[derive(Debug)]
pub struct RegistryError {
    pub(super) problems: Vec<RegistryProblem>,
}

/// One thing that keeps a registry from being built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryProblem {
    /// Two tasks have one name.
    Duplicate {
        /// The name.
        name: String,
        /// Where they are: `src/a.rs:3`.
        places: [String; 2],
    },
    /// A name that was given at run time cannot be part of a URL.
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A tag that was given at run time is empty or repeated.
    BadTag {
        /// The task.
        task: String,
        /// What is wrong.
        detail: String,
    },
    /// A function without `#[task]`, or one whose crate is not linked.
    NotATask {
        /// The function's path.
        path: String,
    },
    /// The default or the example of a parameter panics.
    Panicked {
        /// The task.
        task: String,
        /// The parameter.
        parameter: String,
        /// Where the task is: `src/a.rs:3`.
        location: String,
        /// The panic's message.
        message: String,
    },
    /// The schema of a parameter says what cannot be checked, or its default or its example breaks it.
    Schema {
        /// The task.
        task: String,
        /// The parameter; none if they are the fields of one struct.
        parameter: Option<String>,
        /// Where the task is: `src/a.rs:3`.
        location: String,
        /// What is wrong.
        detail: String,
    },
    /// A task that is to be left out does not exist.
    Unknown {
        /// The name.
        name: String,
        /// The name of a task that resembles it.
        nearest: Option<String>,
    },
    /// A rule of a closure that cannot be set.
    Rule {
        /// The task.
        task: String,
        /// What is wrong.
        detail: String,
    },
    /// A closure's parameters are not a struct.
    NotAStruct {
        /// The task.
        task: String,
        /// The type.
        type_name: String,
    },
}

impl RegistryError {
    /// All problems.
    #[must_use]
    pub fn problems(&self) -> &[RegistryProblem] {
        &self.problems
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the registry cannot be built")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl Error for RegistryError {}

impl fmt::Display for RegistryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate {
                name,
                places: [first, second],
            } => {
                write!(
                    f,
                    "two tasks are named `{name}`: at {first} and at {second}; give one of them another `name`"
                )
            }
            Self::BadName { name, detail } => write!(
                f,
                "`{}` cannot be a task's name: {detail}",
                name.escape_debug()
            ),
            Self::BadTag { task, detail } | Self::Rule { task, detail } => {
                write!(f, "task `{task}`: {detail}")
            }
            Self::NotATask { path } => {
                write!(f, "`{path}` is not a task: annotate it with `#[task]`")
            }
            Self::Panicked {
                task,
                parameter,
                location,
                message,
            } => write!(
                f,
                "task `{task}` at {location}: the default or the example of `{parameter}` panics: {message}"
            ),
            Self::Schema {
                task,
                parameter,
                location,
                detail,
            } => match parameter {
                Some(parameter) => write!(
                    f,
                    "task `{task}` at {location}: parameter `{parameter}`: {detail}"
                ),
                None => write!(f, "task `{task}` at {location}: {detail}"),
            },
            Self::Unknown { name, nearest } => {
                write!(
                    f,
                    "no task is named `{}`, to be left out",
                    name.escape_debug()
                )?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
                    None => Ok(()),
                }
            }
            Self::NotAStruct { task, type_name } => {
                write!(
                    f,
                    "task `{task}`: its parameters are a `{type_name}`, which is not a struct with named fields; a closure without parameters takes `()`"
                )
            }
        }
    }
}
