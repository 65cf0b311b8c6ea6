//! The keys of a service, and the page where they are entered.

use std::collections::BTreeSet;
use std::sync::Arc;

use tasks_runtime::TaskRegistry;
use tasks_runtime::shared::nearest;

use super::draft::Problems;
use super::paths::ResolvedPaths;
use crate::auth::{ApiKeys, Guard};
use crate::mcp::Mcp;

/// Reads the keys. They may be entered in a browser where a page is closed to those without one: the documents, when keys have limits, and
/// the dashboard.
pub(super) fn guard(
    keys: ApiKeys,
    paths: &ResolvedPaths,
    docs: bool,
    dashboard: bool,
    mcp: Option<&Mcp>,
    problems: &mut Problems,
) -> Option<Arc<Guard>> {
    let mut guard = keys.load(problems)?.with_tasks_at(&paths.tasks);
    if let Some(mcp) = mcp {
        guard = guard.with_agents_at(&paths.mcp, mcp.challenge());
    }
    // Who cannot send a header could not see what is closed then.
    Some(Arc::new(match dashboard || (guard.has_limits() && docs) {
        true => guard.with_sessions(),
        false => guard,
    }))
}

/// Warns of keys that are limited to a tag that no task has: that is a slip of the pen more often than a wish.
pub(super) fn warn_of_tags(guard: &Guard, registry: &TaskRegistry) {
    let known: BTreeSet<&str> = registry
        .iter()
        .flat_map(|task| task.tags().iter().map(AsRef::as_ref))
        .collect();
    for access in guard.accesses() {
        for tag in access.tags().unwrap_or_default() {
            if known.contains(tag.as_str()) {
                continue;
            }
            let similar = nearest(tag, known.iter().copied(), 1);
            let remedy = match similar.first() {
                Some(similar) => format!("did you mean `{similar}`?"),
                None => "the key reaches no task by it".to_owned(),
            };
            tracing::warn!(
                key_name = access.key_name(),
                %tag,
                "an API key is limited to a tag that no task has: {remedy}"
            );
        }
    }
}
