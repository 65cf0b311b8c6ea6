//! Puts a registry together.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::TaskRegistry;
use super::closure_task::Closure;
use super::entry::{RegisteredTask, TaskBody};
use super::error::{RegistryError, RegistryProblem};
use crate::arguments::IntoArgumentErrors;
use crate::call::{TaskDescriptor, linked, panic};
use crate::task::{IntoTaskFailure, IntoTaskFn, Traceback};

/// Builds a [`TaskRegistry`]. Made by [`TaskRegistry::builder`].
#[derive(Default)]
pub struct RegistryBuilder {
    entries: Vec<RegisteredTask>,
    problems: Vec<RegistryProblem>,
    functions: Option<HashMap<TypeId, &'static TaskDescriptor>>,
}

impl fmt::Debug for RegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryBuilder")
            .field("entries", &self.entries)
            .field("problems", &self.problems)
            .finish()
    }
}

impl TaskRegistry {
    /// All tasks that are linked into the program, but for those with `register = false`.
    ///
    /// A crate whose tasks are to be found has to be named somewhere, if only by `use my_tasks as _;`: the linker drops
    /// a crate that nobody refers to.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] names every problem: two tasks of one name, with both places.
    pub fn discover() -> Result<Self, RegistryError> {
        Self::builder().discover().build()
    }

    /// Starts an empty registry.
    #[must_use]
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }
}

impl RegistryBuilder {
    /// Adds all tasks that are linked into the program, but for those with `register = false`.
    #[must_use]
    pub fn discover(mut self) -> Self {
        for task in linked().filter(|task| task.discover) {
            self.add(task, None, None);
        }
        self
    }

    /// Adds one task: its function, or a [`task`](crate::task()) under another name or with other tags.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// fn another_task(x: i64) -> i64 {
    ///     x * 2
    /// }
    /// let registry = TaskRegistry::builder()
    ///     .task(another_task)
    ///     .task(task(another_task).named("double_it").tagged(["math"]))
    ///     .build()?;
    /// assert_eq!(registry.list(), ["another_task", "double_it"]);
    /// # Ok::<(), tasks_runtime::RegistryError>(())
    /// ```
    #[must_use]
    pub fn task(mut self, task: impl IntoTaskFn) -> Self {
        let task = task.into_task_fn();
        let functions = self.functions.get_or_insert_with(|| {
            linked()
                .map(|task| ((task.shim.info().id)(), task))
                .collect()
        });
        match functions.get(&task.function).copied() {
            Some(descriptor) => self.add(descriptor, task.name, task.tags),
            None => self.problems.push(RegistryProblem::NotATask {
                path: task.path.to_owned(),
            }),
        }
        self
    }

    /// Adds an `async` closure. The fields of the struct it takes are the parameters; one that has none takes `()`.
    ///
    /// What the closure needs besides it captures. Errors are as those of a `#[task]`; a closure that cannot fail says
    /// so with `Ok::<_, TaskError>(…)`.
    ///
    /// ```
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    /// use tasks_runtime::prelude::*;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Scale {
    ///     /// What to scale.
    ///     value: f64,
    /// }
    /// let factor = 2.5;
    /// let registry = TaskRegistry::builder()
    ///     .register_fn("scale", ["math"], move |params: Scale| async move { Ok::<_, TaskError>(params.value * factor) })
    ///     .build()?;
    /// assert_eq!(registry.info("scale").unwrap().parameters[0].name, "value");
    /// # Ok::<(), tasks_runtime::RegistryError>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn register_fn<P, R, E, F, Fut, T>(
        self,
        name: impl Into<String>,
        tags: impl IntoIterator<Item = T>,
        function: F,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + 'static,
        E: IntoTaskFailure,
        F: Fn(P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        T: Into<Cow<'static, str>>,
    {
        let name = name.into();
        let closure = Closure::asynchronous(&name, function, Location::caller());
        self.closure(name, tags, closure)
    }

    /// Adds a sync closure, which runs on the blocking pool. Otherwise as [`register_fn`](Self::register_fn).
    #[must_use]
    #[track_caller]
    pub fn register_blocking_fn<P, R, E, F, T>(
        self,
        name: impl Into<String>,
        tags: impl IntoIterator<Item = T>,
        function: F,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + 'static,
        E: IntoTaskFailure,
        F: Fn(P) -> Result<R, E> + Send + Sync + 'static,
        T: Into<Cow<'static, str>>,
    {
        let name = name.into();
        let closure = Closure::blocking(&name, function, Location::caller());
        self.closure(name, tags, closure)
    }

    /// Gives a closure that was added a rule over its parameters, as `#[task(validate = …)]` does for a function: it runs once they
    /// are decoded, before the closure, and when a job is submitted or a schedule is stored.
    ///
    /// ```
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    /// use tasks_runtime::prelude::*;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Stay {
    ///     from: u32,
    ///     to: u32,
    /// }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let registry = TaskRegistry::builder()
    ///     .register_fn("stay", ["hotel"], |stay: Stay| async move { Ok::<_, TaskError>(stay.to - stay.from) })
    ///     .validate("stay", |stay: &Stay| {
    ///         if stay.from < stay.to { Ok(()) } else { Err(ArgumentError::of_parameter("to", "is not after `from`")) }
    ///     })
    ///     .build()?;
    /// let executor = TaskExecutor::builder(registry).build()?;
    /// let error = executor.execute::<u32>("stay", serde_json::json!({"from": 2, "to": 1})).await.unwrap_err();
    /// assert_eq!(error.to_string(), "invalid arguments for task `stay`: /params/to: is not after `from`");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn validate<P, E>(
        mut self,
        name: &str,
        rule: impl Fn(&P) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self
    where
        P: 'static,
        E: IntoArgumentErrors,
    {
        let set = match self.entries.iter().find(|entry| entry.name() == name) {
            Some(entry) => entry.set_rule(rule),
            None => Err("it has a rule, and was not added before".to_owned()),
        };
        if let Err(detail) = set {
            self.problems.push(RegistryProblem::Rule {
                task: name.to_owned(),
                detail,
            });
        }
        self
    }

    fn closure(
        mut self,
        name: String,
        tags: impl IntoIterator<Item = impl Into<Cow<'static, str>>>,
        closure: Result<Closure, RegistryProblem>,
    ) -> Self {
        let tags: Vec<Cow<'static, str>> = tags.into_iter().map(Into::into).collect();
        match closure {
            Ok(closure) => self.entry(RegisteredTask::new(
                Cow::Owned(name),
                tags,
                TaskBody::Closure(Arc::new(closure)),
            )),
            Err(problem) => {
                self.check(&name, &tags);
                self.problems.push(problem);
            }
        }
        self
    }

    fn add(
        &mut self,
        task: &'static TaskDescriptor,
        name: Option<Cow<'static, str>>,
        tags: Option<Vec<Cow<'static, str>>>,
    ) {
        let name = name.unwrap_or(Cow::Borrowed(task.name));
        let tags = tags.unwrap_or_else(|| task.tags.iter().copied().map(Cow::Borrowed).collect());
        self.entry(RegisteredTask::new(name, tags, TaskBody::Function(task)));
    }

    /// Checks a name and tags.
    fn check(&mut self, name: &str, tags: &[Cow<'static, str>]) {
        if let Some(detail) = bad_name(name) {
            self.problems.push(RegistryProblem::BadName {
                name: name.to_owned(),
                detail,
            });
        }
        for (index, tag) in tags.iter().enumerate() {
            let detail = if tag.trim().is_empty() {
                "a tag must not be empty".to_owned()
            } else if tags[..index].contains(tag) {
                format!("tag `{tag}` is given twice")
            } else {
                continue;
            };
            self.problems.push(RegistryProblem::BadTag {
                task: name.to_owned(),
                detail,
            });
        }
    }

    fn entry(&mut self, entry: RegisteredTask) {
        self.check(entry.name(), entry.tags());
        for declared in entry.declared() {
            // What is documented is evaluated later, where a panic would take the server down without a word about it.
            let problem = match panic::catch(Traceback::Off, || declared.problems()) {
                Ok(problems) => problems
                    .into_iter()
                    .next()
                    .map(|detail| RegistryProblem::Schema {
                        task: entry.name().to_owned(),
                        parameter: Some(declared.name.to_owned()),
                        location: entry.location(),
                        detail,
                    }),
                Err(caught) => Some(RegistryProblem::Panicked {
                    task: entry.name().to_owned(),
                    parameter: declared.name.to_owned(),
                    location: entry.location(),
                    message: caught.message,
                }),
            };
            self.problems.extend(problem);
        }
        self.entries.push(entry);
    }

    /// Makes the registry.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] names every problem: duplicate names with both places, names and tags that are not allowed,
    /// functions that are no tasks.
    pub fn build(mut self) -> Result<TaskRegistry, RegistryError> {
        let mut seen: HashMap<&str, &RegisteredTask> = HashMap::new();
        for entry in &self.entries {
            if let Some(first) = seen.insert(entry.name(), entry) {
                self.problems.push(RegistryProblem::Duplicate {
                    name: entry.name().to_owned(),
                    places: [first.location(), entry.location()],
                });
            }
        }
        if !self.problems.is_empty() {
            return Err(RegistryError {
                problems: self.problems,
            });
        }
        Ok(TaskRegistry::from_entries(self.entries))
    }
}

/// What is wrong with a name: the rule that the macro checks for literals.
fn bad_name(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    let bad = name.chars().find(|c| !crate::name::is_allowed(*c))?;
    Some(format!(
        "`{}` cannot be part of it; use `a-z`, `A-Z`, `0-9`, `_` and `-`",
        bad.escape_debug()
    ))
}
