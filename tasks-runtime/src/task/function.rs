//! From a function's path to its task.

use std::any::{TypeId, type_name};
use std::borrow::Cow;

/// What can be a task's function: the type of a function item, which `#[task]` identifies it by.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function",
    label = "expected the function itself, without calling it",
    note = "write `task(add)`, not `task(add(…))`"
)]
pub trait Function: Copy + 'static {}

#[diagnostic::do_not_recommend]
impl<F: Copy + 'static> Function for F {}

/// Refers to a task by its function, to register it under another name or with other tags.
///
/// The compiler checks the path, wherever and under whatever name the function was imported. Whether the function
/// carries `#[task]` is found out when the registry is built.
///
/// ```
/// use tasks_runtime::prelude::*;
///
/// #[task(register = false)]
/// fn another_task(x: i64) -> i64 {
///     x * 2
/// }
///
/// let registry = TaskRegistry::builder()
///     .task(task(another_task).named("double_it").tagged(["math"]))
///     .build()?;
/// assert!(registry.has("double_it"));
/// # Ok::<(), tasks_runtime::RegistryError>(())
/// ```
#[must_use]
pub fn task<F: Function>(_function: F) -> TaskFn {
    TaskFn {
        function: TypeId::of::<F>(),
        path: type_name::<F>(),
        name: None,
        tags: None,
    }
}

/// A reference to a task, made by [`task`].
#[derive(Clone, Debug)]
pub struct TaskFn {
    pub(crate) function: TypeId,
    pub(crate) path: &'static str,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) tags: Option<Vec<Cow<'static, str>>>,
}

impl TaskFn {
    /// Registers the task under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Registers the task with other tags.
    #[must_use]
    pub fn tagged<T: Into<Cow<'static, str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }
}

/// What [`RegistryBuilder::task`](crate::RegistryBuilder::task) accepts: a task's function, or a [`TaskFn`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function",
    label = "expected the function itself, without calling it",
    note = "write `.task(add)`, not `.task(add(…))`"
)]
pub trait IntoTaskFn: Sized {
    /// The reference.
    fn into_task_fn(self) -> TaskFn;
}

#[diagnostic::do_not_recommend]
impl<F: Copy + 'static> IntoTaskFn for F {
    fn into_task_fn(self) -> TaskFn {
        task(self)
    }
}

impl IntoTaskFn for TaskFn {
    fn into_task_fn(self) -> TaskFn {
        self
    }
}
