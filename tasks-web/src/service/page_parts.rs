//! What a person sees of a service: the documents of the tasks, the page at `/`, and the one where a key is entered.

use std::sync::Arc;

use tasks_runtime::TaskExecutor;

use super::draft::Draft;
use crate::auth::{Guard, Login};
use crate::info::ServiceInfo;
use crate::landing;
use crate::part::{Claim, Link, Part};

/// What is asked for of it.
pub(super) struct PagesConfig<'a> {
    pub(super) info: &'a ServiceInfo,
    pub(super) tasks_path: &'a str,
    pub(super) docs: bool,
    pub(super) guard: Option<&'a Arc<Guard>>,
    pub(super) landing_page: bool,
    pub(super) executor: Option<&'a TaskExecutor>,
}

impl PagesConfig<'_> {
    /// Adds it to a service of which all other parts are there. Returns the page where a key is entered, if there is one.
    pub(super) fn add_to(self, draft: &mut Draft) -> Option<Login> {
        let limited = self.guard.filter(|guard| guard.has_limits());
        draft.add(tasks_part(self.tasks_path, self.docs, limited.is_some()));
        let login = limited
            .filter(|_| self.docs)
            .map(|guard| Login::new(guard, &self.info.display_name, vec![Claim::below("/docs")]));
        if let Some(login) = &login {
            draft.add(login.part());
        }
        if self.landing_page
            && let Some(executor) = self.executor
        {
            let links = links(&draft.parts, self.tasks_path, self.docs);
            let shown = limited.is_none().then(|| executor.registry());
            draft.add(landing::part(self.info, self.tasks_path, shown, &links));
        }
        login
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
