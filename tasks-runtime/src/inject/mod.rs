//! Injection: values a task gets from the server instead of from the request.
//!
//! Which parameters are injected is decided at compile time by their types: those that are [`Injectable`]. Which value
//! they get is decided by the executor, which was given one with [`provide`](crate::ExecutorBuilder::provide), or a way
//! to make one per call with [`provide_with`](crate::ExecutorBuilder::provide_with).

mod injection;
mod injector;
mod providers;
mod requirements;
mod state;

use std::sync::Arc;

pub use injection::{InjectError, Injection};
pub use injector::Injector;
pub(crate) use providers::Providers;
pub(crate) use requirements::Requirement;
pub use requirements::Requirements;
pub use state::State;

use crate::context::TaskContext;
use crate::task::Caller;

/// A type whose values are injected into tasks.
///
/// For a type of the application, derive it:
///
/// ```
/// use tasks_runtime::prelude::*;
///
/// #[derive(Clone, Injectable)]
/// struct Mailer {
///     from: String,
/// }
///
/// #[task]
/// async fn welcome(mailer: Mailer, to: String) -> String {
///     format!("{} -> {to}", mailer.from)
/// }
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let executor = TaskExecutor::builder(TaskRegistry::builder().task(welcome).build()?)
///     .provide(Mailer { from: "app@example.org".into() })
///     .build()?;
/// let sent: String = executor.run(call!(welcome, to = "ada@example.org")).await?;
/// assert_eq!(sent, "app@example.org -> ada@example.org");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// | a parameter of type | gets |
/// | --- | --- |
/// | `T` | a clone of the provided `T`, or a new one from `provide_with` |
/// | `&T` | a reference to it |
/// | `Option<T>` | `None` only when no `T` was ever provided; a `T` that was provided and cannot be had is an error |
/// | `Arc<T>`, `Arc<dyn Trait>` | the provided `Arc`; a `T` that was provided by value is shared, too |
/// | [`State<T>`] | a provided `T` of another crate, for which you cannot implement `Injectable` |
/// | [`TaskContext`], [`Caller`] | always there |
/// | [`TaskExecutor`](crate::TaskExecutor) | the executor that runs the task, to run another one |
///
/// # Implementing it by hand
///
/// Do that for a type that is made from others:
///
/// ```
/// use tasks_runtime::prelude::*;
/// use tasks_runtime::{Injection, Injector, Requirements};
/// # #[derive(Clone, Injectable)]
/// # struct Config { region: String }
/// struct Region(String);
///
/// impl Injectable for Region {
///     fn requires(requirements: &mut Requirements) {
///         Config::requires(requirements);
///     }
///     fn inject(injector: &Injector<'_>) -> Injection<Self> {
///         Config::inject(injector).map(|config| Region(config.region))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected into a task",
    label = "not an injectable type",
    note = "derive `Injectable` for types of this crate; take those of another crate as `State<{Self}>`"
)]
pub trait Injectable: Sized + Send + 'static {
    /// Says what has to be provided for this type, so that a missing value is found when the executor is built.
    fn requires(requirements: &mut Requirements);

    /// Finds or makes the value for one call.
    fn inject(injector: &Injector<'_>) -> Injection<Self>;
}

impl<T: Injectable> Injectable for Option<T> {
    fn requires(requirements: &mut Requirements) {
        requirements.optional(T::requires);
    }

    fn inject(injector: &Injector<'_>) -> Injection<Self> {
        match T::inject(injector) {
            Injection::Absent => Injection::Ready(None),
            other => other.map(Some),
        }
    }
}

/// An `Arc` is always injected: sharing is what it is for, and a request shares nothing. `#[task(request)]` on the
/// parameter reads, say, an `Arc<str>` from the request all the same.
impl<T: ?Sized + Send + Sync + 'static> Injectable for Arc<T> {
    fn requires(requirements: &mut Requirements) {
        requirements.require::<Self>();
    }

    fn inject(injector: &Injector<'_>) -> Injection<Self> {
        injector.value::<Self>()
    }
}

impl Injectable for Caller {
    fn requires(_: &mut Requirements) {}

    fn inject(injector: &Injector<'_>) -> Injection<Self> {
        Injection::Ready(injector.context().caller().clone())
    }
}

impl Injectable for TaskContext {
    fn requires(_: &mut Requirements) {}

    fn inject(injector: &Injector<'_>) -> Injection<Self> {
        Injection::Ready(injector.context().clone())
    }
}
