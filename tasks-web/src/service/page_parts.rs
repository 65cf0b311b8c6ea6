//! What a person sees of a service: the documents of the tasks, the dashboard, the page at `/`, and the one where a key is entered.

use std::sync::Arc;

use tasks_runtime::TaskExecutor;

use super::draft::Draft;
use super::paths::ResolvedPaths;
use crate::auth::{Guard, Login};
#[cfg(feature = "dashboard")]
use crate::dashboard::{self, PageConfig};
use crate::landing;
use crate::part::{Claim, Link, Part};
use crate::service_info::ServiceInfo;

/// What is asked for of it.
pub(super) struct PagesConfig<'a> {
    pub(super) info: &'a ServiceInfo,
    pub(super) paths: &'a ResolvedPaths,
    pub(super) docs: bool,
    #[cfg(feature = "dashboard")]
    pub(super) dashboard: bool,
    pub(super) guard: Option<&'a Arc<Guard>>,
    pub(super) landing_page: bool,
    pub(super) executor: Option<&'a TaskExecutor>,
}

impl PagesConfig<'_> {
    /// Adds it to a service of which all other parts are there. Returns the page where a key is entered, if there is one.
    pub(super) fn add_to(self, draft: &mut Draft) -> Option<Login> {
        let limited = self.guard.filter(|guard| guard.has_limits());
        draft.add(tasks_part(&self.paths.tasks, self.docs, limited.is_some()));
        let mut closed = Vec::new();
        #[cfg(feature = "dashboard")]
        if self.dashboard {
            draft.add(dashboard::part(self.dashboard_config(&draft.parts)));
            closed.extend(self.guard.map(|_| Claim::below(&self.paths.dashboard)));
            if !self.landing_page {
                draft.add(landing::to(&self.paths.dashboard));
            }
        }
        closed.extend(limited.filter(|_| self.docs).map(|_| Claim::below("/docs")));
        let login = self
            .guard
            .filter(|_| !closed.is_empty())
            .map(|guard| Login::new(guard, &self.info.display_name, closed));
        if let Some(login) = &login {
            draft.add(login.part());
        }
        if self.landing_page
            && let Some(executor) = self.executor
        {
            let tasks = &self.paths.tasks;
            let links = links(&draft.parts, tasks, self.docs);
            let shown = limited.is_none().then(|| executor.registry());
            draft.add(landing::part(self.info, tasks, shown, &links));
        }
        login
    }

    /// What the dashboard shows: the parts that are served beside it. Those on the management port are not.
    #[cfg(feature = "dashboard")]
    fn dashboard_config(&self, parts: &[Part]) -> PageConfig {
        let at = |name: &str, path: &String| {
            let there = parts.iter().any(|part| part.name == name);
            there.then(|| path.clone())
        };
        let paths = self.paths;
        PageConfig {
            title: self.info.display_name.clone(),
            version: self.info.version.clone(),
            dashboard: paths.dashboard.clone(),
            tasks: paths.tasks.clone(),
            #[cfg(feature = "database")]
            jobs: at("jobs", &paths.jobs),
            #[cfg(feature = "database")]
            schedules: at("jobs", &paths.schedules),
            #[cfg(feature = "database")]
            graphs: at("jobs", &paths.graphs),
            #[cfg(feature = "database")]
            artifacts: at("artifacts", &paths.artifacts),
            #[cfg(feature = "database")]
            audit_log: at("audit", &paths.audit_log),
            #[cfg(not(feature = "database"))]
            jobs: None,
            #[cfg(not(feature = "database"))]
            schedules: None,
            #[cfg(not(feature = "database"))]
            graphs: None,
            #[cfg(not(feature = "database"))]
            artifacts: None,
            #[cfg(not(feature = "database"))]
            audit_log: None,
            keys: at("keys", &paths.keys),
            health: at("health", &paths.health),
            system: at("system", &paths.system),
            docs: self.docs.then(|| "/docs".to_owned()),
        }
    }
}

/// The paths of the tasks and of their documents, which are closed to those without a key when keys have limits.
fn tasks_part(path: &str, docs: bool, limited: bool) -> Part {
    let mut part = Part::new("tasks").claim(Claim::below(path));
    if docs {
        for claim in [Claim::exact("/openapi.json"), Claim::below("/docs")] {
            part = part.claim(if limited { claim } else { claim.open() });
        }
    }
    part
}

/// The links of the landing page.
fn links(parts: &[Part], tasks: &str, docs: bool) -> Vec<Link> {
    let link = |path: &str, text| Link {
        path: path.to_owned(),
        text,
    };
    let mut links = Vec::new();
    if docs {
        links.push(link("/docs", "Try it out"));
        links.push(link("/openapi.json", "OpenAPI"));
    }
    links.push(link(tasks, "Tasks"));
    links.extend(parts.iter().flat_map(|part| part.links.iter().cloned()));
    links
}
