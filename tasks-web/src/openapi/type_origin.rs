//! Where a type is from, as far as the name of a type tells.

/// The type of a parameter or a result, and the task that has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// The paths in the type's name that are not of the standard library.
    paths: Vec<Path>,
    task: String,
}

/// A type in the name of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Path {
    /// From its crate to itself.
    segments: Vec<String>,
    /// The types that it has as parameters, with those of theirs, each from its crate to itself.
    arguments: Vec<Vec<String>>,
}

/// Where a schema of some name is from; what is known best comes first in the order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TypePath {
    /// Whether the type is not known, but one that holds it.
    indirect: bool,
    /// From the crate on; in a function, with its name.
    modules: Vec<String>,
    /// The types that a generic type is of.
    arguments: Vec<Vec<String>>,
    /// The type that holds it.
    holder: Option<String>,
    task: String,
}

impl Origin {
    /// Of a type's whole path, as [`std::any::type_name`] gives it.
    pub(super) fn new(type_name: &str, task: &str) -> Self {
        let mut paths = Vec::new();
        let mut rest = type_name;
        while let Some(start) = rest.find(is_word) {
            rest = rest.get(start..).unwrap_or_default();
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (path, after) = rest.split_at(end);
            let segments = segments(path);
            let is_std = matches!(
                segments.first().map(String::as_str),
                None | Some("core" | "alloc" | "std")
            );
            if path.contains("::") && !is_std {
                let arguments = words(inside(after)).map(self::segments).collect();
                paths.push(Path {
                    segments,
                    arguments,
                });
            }
            rest = after;
        }
        Self {
            paths,
            task: task.to_owned(),
        }
    }

    /// Where a schema of this name is from that the type refers to, or is.
    pub(super) fn place_of(&self, name: &str) -> TypePath {
        let is_it = |path: &&Path| {
            path.segments.last().is_some_and(|last| {
                // `Page_for_Item` is what `Page<Item>` is called.
                let rest = name.strip_prefix(last.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("_for_"))
            })
        };
        let exact = self.paths.iter().find(is_it);
        let (holder, modules) = exact
            .or(self.paths.first())
            .and_then(|path| path.segments.split_last())
            .map_or((None, &[][..]), |(holder, modules)| (Some(holder), modules));
        // Unless the type has a name of its own for that, or several of them are there: which is which, nobody knows.
        let of = exact.map(|path| &path.arguments);
        let is_only = self
            .paths
            .iter()
            .filter(is_it)
            .all(|path| Some(&path.arguments) == of);
        let plain =
            exact.filter(|path| is_only && path.segments.last().is_some_and(|last| last == name));
        TypePath {
            indirect: exact.is_none(),
            modules: modules.to_vec(),
            arguments: plain.map_or_else(Vec::new, |path| path.arguments.clone()),
            holder: holder.filter(|_| exact.is_none()).cloned(),
            task: self.task.clone(),
        }
    }
}

/// What a path is made of.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':' | '{' | '}' | '#')
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c))
        .filter(|word| !word.trim_matches(':').is_empty())
}

/// A closure has no name: `{{closure}}` stands for the body of an `async` function, say.
fn segments(path: &str) -> Vec<String> {
    let segments = path.split("::");
    let segments = segments.filter(|name| !name.is_empty() && !name.starts_with('{'));
    segments.map(str::to_owned).collect()
}

/// What is between the angle brackets that a text begins with.
fn inside(text: &str) -> &str {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            // Not the arrow of a function.
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return text.get(1..at).unwrap_or_default();
        }
        before = c;
    }
    ""
}

impl TypePath {
    /// Whether it is of a generic type.
    pub(super) fn is_generic(&self) -> bool {
        !self.arguments.is_empty()
    }

    /// Takes it for that of a type that is the same whatever it is of.
    pub(super) fn plain(self) -> Self {
        Self {
            arguments: Vec::new(),
            ..self
        }
    }

    /// A generic type's name, with so many segments of what it is of: `Page_Item`, `Page_billing_Item`.
    fn of(&self, name: &str, segments: usize) -> String {
        let mut text = name.to_owned();
        for argument in &self.arguments {
            for segment in argument
                .iter()
                .skip(argument.len().saturating_sub(segments))
            {
                text.push('_');
                text.push_str(segment);
            }
        }
        text
    }

    /// Names that say more and more of the place: `billing.Item`, `shop.billing.Item`, `shop.billing.Order.Item`.
    pub(super) fn names(&self, name: &str) -> Vec<String> {
        let modules = &self.modules;
        let mut names = Vec::new();
        if self.is_generic() {
            names.extend([self.of(name, 1), self.of(name, 2)]);
        }
        let whole = self.of(name, usize::MAX);
        let name = &self.of(name, 1);
        names.extend(
            (0..modules.len())
                .rev()
                .filter_map(|from| modules.get(from..))
                .map(|modules| format!("{}.{name}", modules.join("."))),
        );
        if self.is_generic() {
            names.push(format!("{}.{whole}", modules.join(".")));
        }
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
        assert_eq!(
            names("shop::Page<shop::billing::Item>", "Page")[..3],
            ["Page_Item", "Page_billing_Item", "shop.Page_Item"]
        );
        let nested = "core::option::Option<shop::Pair<alloc::vec::Vec<u8>, fn(u8) -> shop::Item>>";
        assert_eq!(names(nested, "Pair")[0], "Pair_Vec_u8_fn_u8_Item");
        assert_eq!(names("shop::Four<4>", "Four")[0], "Four_4");
        // Inside a function, which may be `async`.
        assert_eq!(
            names("shop::list::{{closure}}::Item", "Item"),
            ["list.Item", "shop.list.Item", "a_task.Item"]
        );
        assert_eq!(names("alloc::string::String", "Item"), ["a_task.Item"]);
    }
}
