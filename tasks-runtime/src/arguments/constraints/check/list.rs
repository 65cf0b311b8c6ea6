//! Checks a list and its items.

use std::collections::HashSet;

use super::Check;
use crate::arguments::code::ArgumentErrorCode as Code;
use crate::arguments::constraints::equality::canonical;
use crate::arguments::constraints::node::Node;
use crate::arguments::constraints::path::Path;
use crate::arguments::scanner::Scanner;

impl Check<'_> {
    pub(super) fn array(&mut self, node: &Node, json: &str, at: &Path<'_>) {
        let list = &node.list;
        let looks_inside = list.items.is_some()
            || !list.first.is_empty()
            || list.unique
            || list.contains.is_some();
        if !looks_inside && list.length.is_any() {
            return;
        }
        let mut count = 0;
        let mut contained = 0;
        let mut seen = list.unique.then(HashSet::new);
        let mut repeated = None;
        let mut scanner = Scanner::new(json);
        // It was checked to be JSON.
        let _ = scanner.array(|scanner| {
            let start = scanner.position;
            scanner.skip_value()?;
            let item = &json[start..scanner.position];
            let inner = list.first.get(count).copied().unwrap_or(list.items);
            if let Some(inner) = inner {
                self.node(inner, item, &Path::Item(at, count));
            }
            if let Some((wanted, _)) = list.contains
                && self.is_valid(wanted, item)
            {
                contained += 1;
            }
            if let Some(seen) = &mut seen
                && repeated.is_none()
                && !seen.insert(canonical(item))
            {
                repeated = Some(count);
            }
            count += 1;
            (!self.is_done()).then_some(())
        });
        if self.is_done() {
            return;
        }
        self.length(list.length, count, ["item", "items"], at);
        if let Some(index) = repeated {
            self.report(at, Code::Unique, || {
                format!("must not have an item twice: item {index} is the same as an earlier one")
            });
        }
        if let Some((_, wanted)) = list.contains
            && !wanted.holds(contained)
        {
            self.report(at, Code::Length, || {
                let bound = match (wanted.min, wanted.max) {
                    (Some(min), _) if contained < min => format!("at least {min}"),
                    (_, max) => format!("at most {}", max.unwrap_or_default()),
                };
                format!(
                    "must have {bound} of the items that the schema asks for, and has {contained}"
                )
            });
        }
    }
}
