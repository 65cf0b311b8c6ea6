//! What one part of a service, like health or a database, adds to the whole.

use std::fmt;
use std::sync::Arc;

use actix_web::web::ServiceConfig;
use tasks_runtime::ExecutorBuilder;

use crate::endpoint::Endpoints;
use crate::health_checks::HealthChecks;
use crate::hooks::Hook;
use crate::openapi::PathOperation;

/// Registers routes, once per worker.
pub(crate) type Routes = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// Looks at something just before the metrics are shown.
pub(crate) type ScrapeHook = Arc<dyn Fn() + Send + Sync>;

/// Gives an executor what its tasks may ask for.
pub(crate) type Provide = Arc<dyn Fn(ExecutorBuilder) -> ExecutorBuilder + Send + Sync>;

/// Everything that one part contributes; the service puts each piece where it belongs.
pub(crate) struct Part {
    /// Its key in the `capabilities` of the system information.
    pub(crate) name: &'static str,
    /// The paths it answers.
    pub(crate) claims: Vec<Claim>,
    pub(crate) routes: Option<Routes>,
    /// Its operations in the OpenAPI document.
    pub(crate) operations: Vec<PathOperation>,
    /// Links of the landing page.
    pub(crate) links: Vec<Link>,
    pub(crate) checks: HealthChecks,
    /// Whether it is for those who run the service: on the management port, if there is one.
    pub(crate) management: bool,
    /// Whether routes of the application go first.
    pub(crate) last: bool,
    /// What every task may ask for, unless the application provides a value of its own.
    pub(crate) provide: Option<Provide>,
    /// What it measures, where there are metrics.
    pub(crate) on_scrape: Option<ScrapeHook>,
    /// What begins with the service, after the hooks of the application.
    pub(crate) startup: Option<Hook>,
    /// What lets its own work end: it begins with the end of the service, beside the requests that are still answered, and is over
    /// before the shutdown hooks.
    pub(crate) drain: Option<Hook>,
    /// Ends a wait of `drain`.
    pub(crate) stop_waiting: Option<Arc<dyn Fn() + Send + Sync>>,
    /// What closes it, after all requests are answered.
    pub(crate) shutdown: Option<Hook>,
}

/// Paths of which no other part may have any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) path: String,
    /// Whether everything below the path belongs to it.
    pub(crate) below: bool,
    /// Whether it is answered without a key.
    pub(crate) open: bool,
}

/// A line of the landing page.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) path: String,
    pub(crate) text: &'static str,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("name", &self.name)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

impl Part {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            claims: Vec::new(),
            routes: None,
            operations: Vec::new(),
            links: Vec::new(),
            checks: HealthChecks::new(),
            management: false,
            last: false,
            provide: None,
            on_scrape: None,
            startup: None,
            drain: None,
            stop_waiting: None,
            shutdown: None,
        }
    }

    /// Provides a value to every task.
    #[cfg(feature = "database")]
    pub(crate) fn provide<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.provide = Some(Arc::new(move |executor| executor.provide(value.clone())));
        self
    }

    /// For those who run the service.
    pub(crate) fn for_management(mut self) -> Self {
        self.management = true;
        self
    }

    /// Answers what nothing of the application does.
    #[cfg(feature = "dashboard")]
    pub(crate) fn last(mut self) -> Self {
        self.last = true;
        self
    }

    pub(crate) fn claim(mut self, claim: Claim) -> Self {
        self.claims.push(claim);
        self
    }

    pub(crate) fn routes(
        mut self,
        routes: impl Fn(&mut ServiceConfig) + Send + Sync + 'static,
    ) -> Self {
        self.routes = Some(Arc::new(routes));
        self
    }

    /// Serves endpoints, and claims the path of each.
    pub(crate) fn serve(mut self, endpoints: Endpoints) -> Self {
        for (path, open) in endpoints.served() {
            let claim = Claim {
                open,
                ..Claim::exact(&path)
            };
            if !self.claims.contains(&claim) {
                self.claims.push(claim);
            }
        }
        self.describe(&endpoints).routes(move |config| {
            config.service(endpoints.clone());
        })
    }

    /// Adds the operations of endpoints to the OpenAPI document.
    pub(crate) fn describe(mut self, endpoints: &Endpoints) -> Self {
        self.operations.extend(endpoints.operations());
        self
    }

    pub(crate) fn link(mut self, path: &str, text: &'static str) -> Self {
        let path = path.to_owned();
        self.links.push(Link { path, text });
        self
    }
}

impl Claim {
    /// One path.
    pub(crate) fn exact(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            below: false,
            open: false,
        }
    }

    /// A path and all below it.
    pub(crate) fn below(path: &str) -> Self {
        Self {
            below: true,
            ..Self::exact(path)
        }
    }

    /// Answered without a key.
    pub(crate) fn open(mut self) -> Self {
        self.open = true;
        self
    }

    pub(crate) fn covers(&self, path: &str) -> bool {
        match path.strip_prefix(&self.path) {
            Some("") => true,
            Some(rest) => self.below && (rest.starts_with('/') || self.path.ends_with('/')),
            None => false,
        }
    }

    fn clashes(&self, other: &Self) -> bool {
        self.covers(&other.path) || other.covers(&self.path)
    }
}

/// Reports each pair of parts that want the same paths.
pub(crate) fn check_claims(parts: &[Part], problems: &mut Vec<String>) {
    let claims: Vec<(&'static str, &Claim)> = parts
        .iter()
        .flat_map(|part| part.claims.iter().map(|claim| (part.name, claim)))
        .collect();
    let mut said: Vec<(&str, &str)> = Vec::new();
    for (index, (name, claim)) in claims.iter().enumerate() {
        for (other_name, other) in &claims[..index] {
            // Of two parts, once.
            if claim.clashes(other) && !said.contains(&(*name, *other_name)) {
                said.push((*name, *other_name));
                problems.push(format!(
                    "{name} at `{}` and {other_name} at `{}` are in each other's way: give one of them another path",
                    claim.path, other.path
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Claim;

    #[test]
    fn a_path_is_covered_by_whole_segments() {
        assert!(Claim::below("/health").covers("/health"));
        assert!(Claim::below("/health").covers("/health/$stream"));
        assert!(!Claim::below("/health").covers("/healthy"));
        assert!(!Claim::exact("/").covers("/health"));
        assert!(Claim::below("/").covers("/health"));
        assert!(!Claim::exact("/openapi.json").covers("/openapi.json/x"));
    }
}
