//! What is looked at.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HealthState {
    /// All is well.
    Healthy,
    /// It works, not as well as it should.
    Degraded(String),
    /// It does not work.
    Unhealthy(String),
}

/// `Ok` is healthy, an error is unhealthy. Its text is shown to clients, so it must not hold secrets.
impl<T, E: fmt::Display> From<Result<T, E>> for HealthState {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::Healthy,
            Err(error) => Self::Unhealthy(error.to_string()),
        }
    }
}

type Run = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = HealthState> + Send>> + Send + Sync>;

/// One thing that is looked at.
#[derive(Clone)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) timeout: Duration,
    pub(crate) run: Run,
}

/// Checks of a service's health, besides those that its parts bring.
///
/// ```
/// use std::time::Duration;
/// use tasks_web::{HealthChecks, HealthState};
///
/// let checks = HealthChecks::new()
///     .check("disk", || async {
///         // Anything that is a `Result`, or says it in words of its own.
///         std::fs::metadata("/").map(|_| ())
///     })
///     .check_within("mail", Duration::from_secs(1), || async { HealthState::Degraded("slow today".into()) });
/// # let _ = checks;
/// ```
#[derive(Clone, Default)]
pub struct HealthChecks(pub(crate) Vec<Check>);

impl fmt::Debug for HealthChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|check| &check.name))
            .finish()
    }
}

impl HealthChecks {
    /// No checks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, which has 5 seconds. The name has letters, digits, `-` and `_`.
    #[must_use]
    pub fn check<F, Fut>(self, name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Into<HealthState>> + Send + 'static,
    {
        self.check_within(name, Duration::from_secs(5), check)
    }

    /// Adds a check with a time limit, beyond which it is unhealthy.
    #[must_use]
    pub fn check_within<F, Fut>(
        mut self,
        name: impl Into<String>,
        timeout: Duration,
        check: F,
    ) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Into<HealthState>> + Send + 'static,
    {
        self.0.push(Check {
            name: name.into(),
            timeout,
            run: Arc::new(move || {
                let future = check();
                Box::pin(async move { future.await.into() })
            }),
        });
        self
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Finds names that are not well-formed or there twice.
    pub(crate) fn check_names(&self, problems: &mut Vec<String>) {
        for (index, check) in self.0.iter().enumerate() {
            let well_formed = !check.name.is_empty()
                && check
                    .name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            if !well_formed {
                problems.push(format!(
                    "`{}` cannot be the name of a health check: use letters, digits, `-` and `_`",
                    check.name.escape_debug()
                ));
            }
            if self.0[..index].iter().any(|other| other.name == check.name) {
                problems.push(format!(
                    "there are two health checks `{}`: give one of them another name",
                    check.name
                ));
            }
        }
    }
}
