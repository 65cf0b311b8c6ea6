//! Who asked for an execution.

use std::fmt;
use std::sync::Arc;

/// Who asked for an execution, over HTTP: injected into every task that has a parameter of this type.
///
/// An execution by code of the program's own, and a job, has an empty one.
///
/// ```
/// use tasks_runtime::Caller;
/// use tasks_runtime::prelude::*;
///
/// #[task]
/// async fn who_am_i(caller: Caller) -> String {
///     caller.key_name().unwrap_or("nobody that is known").to_owned()
/// }
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let executor = tasks_runtime::testing::executor([task(who_am_i)]).build()?;
/// assert_eq!(executor.run::<String>(call!(who_am_i)).await?, "nobody that is known");
/// let ada = Caller::new().with_key_name("ada");
/// let answer = executor.execute_json_for("who_am_i", b"", ada).await?;
/// assert!(String::from_utf8_lossy(&answer.json).contains(r#""result":"ada""#));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Caller(Option<Arc<CallerData>>);

#[derive(Clone, Default)]
struct CallerData {
    request_id: Option<Box<str>>,
    key_name: Option<Box<str>>,
    headers: Vec<(Box<str>, Box<str>)>,
    #[cfg(feature = "database")]
    listener: Option<Listener>,
}

/// Is told what the task reports of itself.
#[cfg(feature = "database")]
type Listener = Arc<dyn Fn(TaskReport<'_>) + Send + Sync>;

/// What a task reports of itself while it runs, to whom [`Caller::on_report`] names.
#[cfg(feature = "database")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskReport<'a> {
    /// How far it is, by `TaskContext::progress`.
    Progress {
        /// Amount of work done.
        current: u64,
        /// Total amount of work, if known.
        total: Option<u64>,
        /// What the task is doing; may be empty.
        message: &'a str,
    },
    /// A line of its log, by `TaskContext::log`.
    Log(&'a str),
}

impl Caller {
    /// One of whom nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn change(mut self, change: impl FnOnce(&mut CallerData)) -> Self {
        change(Arc::make_mut(self.0.get_or_insert_default()));
        self
    }

    /// Sets the id of the request.
    #[must_use]
    pub fn with_request_id(self, id: impl Into<Box<str>>) -> Self {
        self.change(|known| known.request_id = Some(id.into()))
    }

    /// Sets the name of the key that the request came with.
    #[must_use]
    pub fn with_key_name(self, name: impl Into<Box<str>>) -> Self {
        self.change(|known| known.key_name = Some(name.into()))
    }

    /// Adds a header of the request.
    #[must_use]
    pub fn with_header(self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.change(|known| known.headers.push((name.into(), value.into())))
    }

    /// Has a function called with what the task reports of itself while it runs. It is called on the thread of the task, so it must not take
    /// long. A job, whose reports are kept with its record, has nobody to tell.
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// use tasks_runtime::prelude::*;
    /// use tasks_runtime::{Caller, TaskReport};
    ///
    /// #[task]
    /// async fn count(context: TaskContext) {
    ///     context.log("begins");
    /// }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let executor = tasks_runtime::testing::executor([task(count)]).build()?;
    /// let (lines, log) = mpsc::channel();
    /// let caller = Caller::new().on_report(move |report| {
    ///     if let TaskReport::Log(line) = report {
    ///         let _ = lines.send(line.to_owned());
    ///     }
    /// });
    /// executor.execute_json_for("count", b"", caller).await?;
    /// assert_eq!(log.recv()?, "begins");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[cfg(feature = "database")]
    #[must_use]
    pub fn on_report(self, listener: impl Fn(TaskReport<'_>) + Send + Sync + 'static) -> Self {
        self.change(|known| known.listener = Some(Arc::new(listener)))
    }

    /// Tells whoever listens.
    #[cfg(feature = "database")]
    pub(crate) fn tell(&self, report: TaskReport<'_>) {
        if let Some(listener) = self.0.as_ref().and_then(|known| known.listener.as_ref()) {
            listener(report);
        }
    }

    /// The id of the request, as in the answer's header `x-request-id` and in the log.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.as_ref()?.request_id.as_deref()
    }

    /// The name of the API key that the request came with; `None` where no keys are asked for.
    #[must_use]
    pub fn key_name(&self) -> Option<&str> {
        self.0.as_ref()?.key_name.as_deref()
    }

    /// A header of the request, if it is one of those that the service passes on, by its name in any case. Of a header with several
    /// lines, it has all of them, with commas between them.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = &self.0.as_ref()?.headers;
        let found = headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| &**value)
    }
}

/// Without the values of headers: one may be a secret.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("request_id", &self.request_id())
            .field("key_name", &self.key_name())
            .finish_non_exhaustive()
    }
}
