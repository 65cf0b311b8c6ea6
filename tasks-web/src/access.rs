//! What the key of a request allows.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
#[derive(Clone)]
pub struct Access {
    key: Arc<KeyAccess>,
    /// Whether its session goes on, of a browser that has one.
    session: Option<SessionCheck>,
}

/// Says whether a session goes on.
pub(crate) type SessionCheck = Arc<dyn Fn() -> bool + Send + Sync>;

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct KeyAccess {
    pub(crate) name: String,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) read_only: bool,
    /// Whether it was removed, or changed, since.
    revoked: AtomicBool,
}

impl KeyAccess {
    pub(crate) fn new(name: String, tags: Option<Vec<String>>, read_only: bool) -> Self {
        Self {
            name,
            tags,
            read_only,
            revoked: AtomicBool::new(false),
        }
    }
}

impl Access {
    pub(crate) fn new(key: KeyAccess) -> Self {
        Self {
            key: Arc::new(key),
            session: None,
        }
    }

    /// The same for a session.
    pub(crate) fn during(&self, session: SessionCheck) -> Self {
        Self {
            key: Arc::clone(&self.key),
            session: Some(session),
        }
    }

    /// Whether it allows the same as another one, under the same name.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let parts = |key: &KeyAccess| (key.name.clone(), key.tags.clone(), key.read_only);
        parts(&self.key) == parts(&other.key)
    }

    /// Ends what was begun with it.
    pub(crate) fn revoke(&self) {
        self.key.revoked.store(true, Ordering::Relaxed);
    }

    /// Whether it still counts: its key is there, and its session goes on. Every request is checked anew; this is for answers that go on.
    fn is_valid(&self) -> bool {
        !self.key.revoked.load(Ordering::Relaxed)
            && self.session.as_ref().is_none_or(|goes_on| goes_on())
    }

    /// The name of the key.
    #[must_use]
    pub fn key_name(&self) -> &str {
        &self.key.name
    }

    /// The tags that the key is limited to; `None` when it is not limited.
    #[must_use]
    pub fn tags(&self) -> Option<&[String]> {
        self.key.tags.as_deref()
    }

    /// Whether the key may only look: requests that may change something are answered 403 before they reach a route.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.key.read_only
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

    /// Says whether what let a request in still counts, for answers that go on: true where no keys are asked for.
    pub(crate) fn validity(request: &HttpRequest) -> impl Fn() -> bool + 'static {
        let access = request.extensions().get::<Self>().cloned();
        move || access.as_ref().is_none_or(Self::is_valid)
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
