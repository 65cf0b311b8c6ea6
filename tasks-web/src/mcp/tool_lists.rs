//! Lists of tools, as they were sent: for each kind of key one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// As many kinds of keys as that have their lists kept.
const MAX_LISTS: usize = 64;

/// The lists that were made.
#[derive(Debug, Default)]
pub(super) struct ToolLists(Mutex<HashMap<ListKey, Arc<str>>>);

/// On what a list of tools depends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ListKey {
    pub(super) tags: Option<Vec<String>>,
    pub(super) read_only: bool,
    pub(super) stateless: bool,
}

impl ToolLists {
    /// The list for a kind of key, which is made when it is first asked for.
    pub(super) fn get(&self, key: ListKey, make: impl FnOnce() -> String) -> Arc<str> {
        let lists = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = lists().get(&key) {
            return Arc::clone(list);
        }
        let list: Arc<str> = make().into();
        let mut lists = lists();
        if lists.len() >= MAX_LISTS {
            lists.clear();
        }
        lists.insert(key, Arc::clone(&list));
        list
    }
}
