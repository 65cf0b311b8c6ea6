//! The keys of a service, and the page where they are entered.

use std::sync::Arc;

use tasks_runtime::TaskRegistry;

use super::draft::Problems;
use crate::auth::{ApiKeys, Guard};

/// Reads the keys. With `docs`, keys with limits may be entered in a browser.
pub(super) fn guard(keys: ApiKeys, docs: bool, problems: &mut Problems) -> Option<Arc<Guard>> {
    let guard = keys.load(problems)?;
    // Who cannot send a header could not see what is closed then.
    Some(Arc::new(match guard.has_limits() && docs {
        true => guard.with_sessions(),
        false => guard,
    }))
}

/// A key that reaches nothing is a slip of the pen more often than a wish.
pub(super) fn warn_of_tags(guard: &Guard, registry: &TaskRegistry) {
    for access in guard.accesses() {
        for tag in access.tags().unwrap_or_default() {
            if registry.list_by_tags([tag]).is_empty() {
                tracing::warn!(key = access.key_name(), %tag, "a key is limited to a tag that no task carries");
            }
        }
    }
}
