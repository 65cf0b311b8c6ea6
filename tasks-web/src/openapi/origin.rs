//! Where a type is from, as far as the name of a type tells.

/// The type of a parameter or a result, and the task that has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// The paths in the type's name that are not of the standard library, each from its crate to itself.
    paths: Vec<Vec<String>>,
    task: String,
}

/// Where a schema of some name is from; what is known best comes first in the order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Whether the type is not known, but one that holds it.
    indirect: bool,
    /// From the crate on; in a function, with its name.
    modules: Vec<String>,
    /// The type that holds it.
    holder: Option<String>,
    task: String,
}

impl Origin {
    /// Of a type's whole path, as [`std::any::type_name`] gives it.
    pub(super) fn new(type_name: &str, task: &str) -> Self {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '{' | '}' | '#');
        let paths = type_name
            .split(|c| !is_word(c))
            .filter(|path| path.contains("::"))
            .map(|path| {
                let segments = path.split("::");
                // A closure has no name: `{{closure}}` stands for the body of an `async` function, say.
                let segments = segments.filter(|name| !name.is_empty() && !name.starts_with('{'));
                segments.map(str::to_owned).collect::<Vec<_>>()
            })
            .filter(|path| {
                !matches!(
                    path.first().map(String::as_str),
                    None | Some("core" | "alloc" | "std")
                )
            })
            .collect();
        Self {
            paths,
            task: task.to_owned(),
        }
    }

    /// Where a schema of this name is from that the type refers to, or is.
    pub(super) fn place_of(&self, name: &str) -> Place {
        let is_it = |path: &&Vec<String>| {
            path.last().is_some_and(|last| {
                // `Page_for_Item` is what `Page<Item>` is called.
                let rest = name.strip_prefix(last.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("_for_"))
            })
        };
        let exact = self.paths.iter().find(is_it);
        let (holder, modules) = exact
            .or(self.paths.first())
            .and_then(|path| path.split_last())
            .map_or((None, &[][..]), |(holder, modules)| (Some(holder), modules));
        Place {
            indirect: exact.is_none(),
            modules: modules.to_vec(),
            holder: holder.filter(|_| exact.is_none()).cloned(),
            task: self.task.clone(),
        }
    }
}

impl Place {
    /// Names that say more and more of the place: `billing.Item`, `shop.billing.Item`, `shop.billing.Order.Item`.
    pub(super) fn names(&self, name: &str) -> Vec<String> {
        let modules = &self.modules;
        let mut names: Vec<String> = (0..modules.len())
            .rev()
            .filter_map(|from| modules.get(from..))
            .map(|modules| format!("{}.{name}", modules.join(".")))
            .collect();
        if let Some(holder) = &self.holder {
            let modules = modules.iter().chain([holder]).map(String::as_str);
            names.push(format!("{}.{name}", modules.collect::<Vec<_>>().join(".")));
        }
        names.push(format!("{}.{name}", self.task));
        for name in &mut names {
            // What a component may be called.
            *name = name.replace(
                |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-'),
                "_",
            );
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    fn names(type_name: &str, name: &str) -> Vec<String> {
        Origin::new(type_name, "a_task").place_of(name).names(name)
    }

    #[test]
    fn a_type_is_told_by_its_own_path_or_by_what_holds_it() {
        let exact = "core::result::Result<alloc::vec::Vec<shop::billing::Item>, shop::Error>";
        assert_eq!(
            names(exact, "Item"),
            ["billing.Item", "shop.billing.Item", "a_task.Item"]
        );
        assert_eq!(
            names("shop::billing::Order", "Item"),
            [
                "billing.Item",
                "shop.billing.Item",
                "shop.billing.Order.Item",
                "a_task.Item"
            ]
        );
        assert_eq!(
            names("shop::Page<shop::billing::Item>", "Page_for_Item"),
            ["shop.Page_for_Item", "a_task.Page_for_Item"]
        );
        // Inside a function, which may be `async`.
        assert_eq!(
            names("shop::list::{{closure}}::Item", "Item"),
            ["list.Item", "shop.list.Item", "a_task.Item"]
        );
        assert_eq!(names("alloc::string::String", "Item"), ["a_task.Item"]);
    }
}
