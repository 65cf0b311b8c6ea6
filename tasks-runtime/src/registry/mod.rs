//! The tasks there are.

mod builder;
mod closure_task;
mod entry;
mod error;
mod parameters;

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

pub use builder::RegistryBuilder;
pub use entry::RegisteredTask;
pub use error::{RegistryError, RegistryProblem};

use crate::call::ExecuteError;
use crate::inject::Requirements;
use crate::nearest::nearest;
use crate::task::TaskInfo;

/// A set of tasks by name. Cheap to clone.
///
/// A registry is a value: a program may have several, and a test makes its own. Nothing is global, so there is nothing
/// to clear.
///
/// ```standalone_crate
/// use tasks_runtime::prelude::*;
///
/// /// Extracts data from the source.
/// #[task(tags = ["data", "etl", "extract"])]
/// async fn extract_data() -> u64 {
///     100
/// }
/// /// Transforms extracted data.
/// #[task(tags = ["data", "etl", "transform"])]
/// async fn transform_data() -> bool {
///     true
/// }
///
/// let registry = TaskRegistry::discover()?;
/// assert!(registry.has("extract_data"));
/// assert_eq!(registry.list(), ["extract_data", "transform_data"]);
/// assert_eq!(registry.list_by_tags(["data", "etl"]), ["extract_data", "transform_data"]);
/// assert_eq!(registry.list_by_tags(["etl", "extract"]), ["extract_data"]);
/// assert_eq!(registry.info("extract_data")?.signature, "() -> u64");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TaskRegistry {
    inner: Arc<Inner>,
}

struct Inner {
    /// Sorted by name.
    entries: Vec<RegisteredTask>,
    by_name: HashMap<String, usize, foldhash::fast::RandomState>,
    by_function: HashMap<TypeId, usize, foldhash::fast::RandomState>,
    attachment: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl TaskRegistry {
    pub(crate) fn from_entries(mut entries: Vec<RegisteredTask>) -> Self {
        entries.sort_by(|a, b| a.name().cmp(b.name()));
        for (position, entry) in entries.iter_mut().enumerate() {
            entry.set_position(position);
        }
        let by_name = entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (entry.name().to_owned(), index))
            .collect();
        let mut by_function = HashMap::default();
        for (index, entry) in entries.iter().enumerate() {
            let Some(function) = entry.function() else {
                continue;
            };
            // A function may be registered under several names: its own one is meant by `call!`.
            if entry.has_own_name() || !by_function.contains_key(&function) {
                by_function.insert(function, index);
            }
        }
        Self {
            inner: Arc::new(Inner {
                entries,
                by_name,
                by_function,
                attachment: OnceLock::new(),
            }),
        }
    }

    /// The registry without some of its tasks, by name: of one library of tasks, a service runs those that it is for.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] names every name that no task has.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false, tags = ["small"])]
    /// fn small() {}
    /// #[task(register = false, tags = ["large"])]
    /// fn large() {}
    /// let all = TaskRegistry::builder().task(small).task(large).build()?;
    ///
    /// assert_eq!(all.clone().without(["large"])?.list(), ["small"]);
    /// assert_eq!(all.retain(|task| task.tags().iter().any(|tag| tag == "large")).list(), ["large"]);
    /// # Ok::<(), RegistryError>(())
    /// ```
    pub fn without<T: AsRef<str>>(
        self,
        names: impl IntoIterator<Item = T>,
    ) -> Result<Self, RegistryError> {
        let names: Vec<T> = names.into_iter().collect();
        let problems: Vec<RegistryProblem> = names
            .iter()
            .map(AsRef::as_ref)
            .filter(|name| !self.has(name))
            .map(|name| RegistryProblem::Unknown {
                name: name.to_owned(),
                nearest: nearest(name, self.names(), 1)
                    .first()
                    .map(|name| (*name).to_owned()),
            })
            .collect();
        if !problems.is_empty() {
            return Err(RegistryError { problems });
        }
        Ok(self.retain(|task| !names.iter().any(|name| name.as_ref() == task.name())))
    }

    /// The registry with those of its tasks for which `keep` is true.
    #[must_use]
    pub fn retain(self, keep: impl Fn(&RegisteredTask) -> bool) -> Self {
        let entries = self.inner.entries.iter().filter(|task| keep(task));
        Self::from_entries(entries.cloned().collect())
    }

    /// Whether there is a task of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.inner.by_name.contains_key(name)
    }

    /// How many tasks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.entries.is_empty()
    }

    /// The names of all tasks, sorted.
    #[must_use]
    pub fn list(&self) -> Vec<&str> {
        self.names().collect()
    }

    /// The names of the tasks that have all of these tags, sorted. No tags given: all tasks.
    #[must_use]
    pub fn list_by_tags<T: AsRef<str>>(&self, tags: impl IntoIterator<Item = T>) -> Vec<&str> {
        let tags: Vec<T> = tags.into_iter().collect();
        let has_all = |entry: &&RegisteredTask| {
            tags.iter()
                .all(|tag| entry.tags().iter().any(|own| own == tag.as_ref()))
        };
        self.inner
            .entries
            .iter()
            .filter(has_all)
            .map(RegisteredTask::name)
            .collect()
    }

    /// The metadata of a task.
    ///
    /// # Errors
    ///
    /// [`ExecuteError::UnknownTask`] names the nearest ones.
    pub fn info(&self, name: &str) -> Result<TaskInfo, ExecuteError> {
        self.entry(name).map(RegisteredTask::info)
    }

    /// The metadata of all tasks, sorted by name.
    #[must_use]
    pub fn infos(&self) -> Vec<TaskInfo> {
        self.inner
            .entries
            .iter()
            .map(RegisteredTask::info)
            .collect()
    }

    /// How many tasks came from which crate: a crate that is missing here was not linked.
    #[must_use]
    pub fn crates(&self) -> BTreeMap<String, usize> {
        let mut crates = BTreeMap::new();
        for entry in &self.inner.entries {
            *crates.entry(entry.crate_name().to_owned()).or_insert(0) += 1;
        }
        crates
    }

    /// Whether a task has an injected parameter that needs a value of this type, which is not there without being provided.
    #[must_use]
    pub fn needs<T: 'static>(&self) -> bool {
        let wanted = TypeId::of::<T>();
        self.inner
            .entries
            .iter()
            .flat_map(RegisteredTask::requirements)
            .flat_map(|(_, requires)| Requirements::of(requires))
            .any(|requirement| requirement.type_id == wanted)
    }

    /// A task by name.
    ///
    /// # Errors
    ///
    /// [`ExecuteError::UnknownTask`] names the nearest ones.
    pub fn get(&self, name: &str) -> Result<&RegisteredTask, ExecuteError> {
        self.entry(name)
    }

    /// All tasks, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &RegisteredTask> {
        self.inner.entries.iter()
    }

    /// What a server made of this registry, kept so that its workers make it once. One kind of thing can be attached.
    #[doc(hidden)]
    pub fn attachment<T: Any + Send + Sync>(&self, make: impl FnOnce(&Self) -> T) -> Arc<T> {
        if let Some(attachment) = self
            .inner
            .attachment
            .get()
            .cloned()
            .and_then(|any| any.downcast::<T>().ok())
        {
            return attachment;
        }
        let made = Arc::new(make(self));
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(&made) as _;
        // Lost a race, or taken by another kind: this one serves as well.
        _ = self.inner.attachment.set(any);
        made
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.inner.entries.iter().map(RegisteredTask::name)
    }

    pub(crate) fn entries(&self) -> &[RegisteredTask] {
        &self.inner.entries
    }

    pub(crate) fn entry(&self, name: &str) -> Result<&RegisteredTask, ExecuteError> {
        match self.inner.by_name.get(name) {
            Some(index) => Ok(&self.inner.entries[*index]),
            None => Err(self.unknown(name)),
        }
    }

    pub(crate) fn entry_of(
        &self,
        function: TypeId,
        path: &str,
    ) -> Result<&RegisteredTask, ExecuteError> {
        match self.inner.by_function.get(&function) {
            Some(index) => Ok(&self.inner.entries[*index]),
            None => Err(self.unknown(path)),
        }
    }

    #[cold]
    fn unknown(&self, name: &str) -> ExecuteError {
        /// How many are worth reading.
        const NEAREST: usize = 3;
        let short = name.rsplit("::").next().unwrap_or(name);
        let nearest = nearest(short, self.names(), NEAREST)
            .into_iter()
            .map(str::to_owned)
            .collect();
        ExecuteError::UnknownTask {
            name: name.chars().take(200).collect(),
            nearest,
            registered: self.len(),
        }
    }
}

impl fmt::Debug for TaskRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskRegistry").field(&self.list()).finish()
    }
}
