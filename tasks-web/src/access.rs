//! What the key of a request allows.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};
use tasks_runtime::RegisteredTask;

use crate::problem::Problem;

/// Whose key a request came with, and which tasks it reaches. It is in the extensions of every request that was let in by
/// a key, for the application's own routes, too:
///
/// ```
/// use actix_web::{HttpMessage, HttpRequest};
/// use tasks_web::Access;
///
/// async fn who(request: HttpRequest) -> String {
///     let extensions = request.extensions();
///     extensions.get::<Access>().map_or("nobody", Access::key_name).to_owned()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Access(pub(crate) Arc<KeyAccess>);

#[derive(Debug)]
pub(crate) struct KeyAccess {
    pub(crate) name: String,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) read_only: bool,
}

impl Access {
    /// The name of the key.
    #[must_use]
    pub fn key_name(&self) -> &str {
        &self.0.name
    }

    /// The tags that the key is limited to; `None` when it is not limited.
    #[must_use]
    pub fn tags(&self) -> Option<&[String]> {
        self.0.tags.as_deref()
    }

    /// Whether the key may only look: requests that may change something are answered 403 before they reach a route.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.0.read_only
    }

    /// Whether the key may see and run a task: it is not limited, or the task carries one of its tags.
    #[must_use]
    pub fn allows(&self, task: &RegisteredTask) -> bool {
        self.tags().is_none_or(|allowed| {
            task.tags()
                .iter()
                .any(|tag| allowed.iter().any(|allowed| allowed == tag))
        })
    }

    /// Access of a request. A request without one reaches nothing: a route that asks is behind keys.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Problem::unauthorized("a key is needed here".to_owned()))
    }

    /// Access of a request whose key is limited; `None` also where no keys are asked for.
    pub(crate) fn limits(request: &HttpRequest) -> Option<Self> {
        let extensions = request.extensions();
        let access = extensions.get::<Self>()?;
        access.tags().is_some().then(|| access.clone())
    }

    /// Refuses a key that does not reach all tasks, where something is about all of them.
    pub(crate) fn check_unlimited(request: &HttpRequest) -> Result<(), Problem> {
        match Self::limits(request) {
            Some(access) => Err(Problem::forbidden(format!(
                "the key `{}` is limited to tasks with some tags, and this is not about those alone",
                access.key_name()
            ))),
            None => Ok(()),
        }
    }

    /// Refuses a task that the key does not reach.
    pub(crate) fn check(&self, task: &RegisteredTask) -> Result<(), Problem> {
        if self.allows(task) {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "the key `{}` does not reach task `{}`: it is limited to tasks with other tags",
            self.key_name(),
            task.name()
        )))
    }
}
