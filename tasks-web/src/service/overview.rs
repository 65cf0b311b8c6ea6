//! Which parts a service has, for those who look at it.

use std::collections::BTreeMap;

use crate::part::{Link, Part};

/// Which parts there are, by their names.
pub(super) fn capabilities(parts: &[Part], docs: bool, auth: bool) -> BTreeMap<&'static str, bool> {
    let part = |name: &str| parts.iter().any(|part| part.name == name);
    BTreeMap::from([
        ("tasks", true),
        ("docs", docs),
        ("auth", auth),
        ("health", part("health")),
        ("monitoring", part("monitoring")),
        ("database", part("database")),
        ("artifacts", part("artifacts")),
        ("jobs", part("jobs")),
    ])
}

/// The links of the landing page.
pub(super) fn links(parts: &[Part], tasks: &str, docs: bool) -> Vec<Link> {
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
