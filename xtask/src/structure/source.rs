//! What one file of Rust imports, and what it hands on.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

/// A path as it is written, from its first segment to a name; `*` is a name, too.
pub(super) type Path = Vec<String>;

/// A name that a file hands on from elsewhere: `pub use path as name`.
#[derive(Clone)]
pub(super) struct Export {
    pub(super) name: String,
    pub(super) path: Path,
}

/// What is read from one file.
#[derive(Default)]
pub(super) struct Source {
    pub(super) imports: Vec<Path>,
    pub(super) exports: Vec<Export>,
}

impl Source {
    pub(super) fn read(text: &str) -> syn::Result<Self> {
        let file = syn::parse_file(text)?;
        let mut reader = Reader::default();
        reader.visit_file(&file);
        let Reader { mut source, words } = reader;
        // What is handed on and used here as well is imported.
        for export in &source.exports {
            if words.contains(&export.name) {
                source.imports.push(export.path.clone());
            }
        }
        Ok(source)
    }
}

#[derive(Default)]
struct Reader {
    source: Source,
    /// The first segments of all paths that do not belong to a `use`.
    words: Vec<String>,
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = match &attribute.meta {
            syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string(),
            _ => return false,
        };
        text == "test"
    })
}

/// All the paths of a `use`, with the names that they get.
fn leaves(tree: &UseTree, before: &Path, found: &mut Vec<(Path, String)>) {
    let mut with = |ident: &syn::Ident, name: &syn::Ident| {
        let mut path = before.clone();
        if ident != "self" {
            path.push(ident.unraw().to_string());
        }
        found.push((path, name.unraw().to_string()));
    };
    match tree {
        UseTree::Path(path) => {
            let mut longer = before.clone();
            longer.push(path.ident.unraw().to_string());
            leaves(&path.tree, &longer, found);
        }
        UseTree::Name(name) => with(&name.ident, &name.ident),
        UseTree::Rename(rename) => with(&rename.ident, &rename.rename),
        UseTree::Glob(_) => {
            let mut path = before.clone();
            path.push("*".to_owned());
            found.push((path, "*".to_owned()));
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, before, found);
            }
        }
    }
}

impl Visit<'_> for Reader {
    fn visit_item(&mut self, item: &Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        let mut found = Vec::new();
        leaves(&item.tree, &Path::new(), &mut found);
        let handed_on = !matches!(item.vis, Visibility::Inherited);
        for (path, name) in found {
            if handed_on {
                self.source.exports.push(Export { name, path });
            } else {
                self.source.imports.push(path);
            }
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let segments: Path = (path.segments.iter())
            .map(|segment| segment.ident.unraw().to_string())
            .collect();
        self.take(segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &syn::Macro) {
        // What a macro is given is tokens: `crate::a::b` is found in them, too.
        self.tokens(mac.tokens.clone());
        visit::visit_macro(self, mac);
    }

    fn visit_attribute(&mut self, _: &Attribute) {}
}

impl Reader {
    fn take(&mut self, segments: Path) {
        let Some(first) = segments.first() else {
            return;
        };
        self.words.push(first.clone());
        if segments.len() > 1 {
            self.source.imports.push(segments);
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Path::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 && !path.is_empty() {
                        self.take(std::mem::take(&mut path));
                    }
                    path.push(ident.unraw().to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.take(std::mem::take(&mut path));
                    colons = 0;
                    self.tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.take(std::mem::take(&mut path));
                    colons = 0;
                }
            }
        }
        self.take(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(text: &str) -> Vec<String> {
        let source = Source::read(text).unwrap();
        let mut imports: Vec<String> = (source.imports.iter())
            .map(|path| path.join("::"))
            .collect();
        imports.sort();
        imports.dedup();
        imports
    }

    #[test]
    fn imports_are_in_declarations_paths_and_macros() {
        let text = "use super::a::{B, c::{self, D as E}}; use crate::f::*; \
                    fn g() { crate::h::i(); println!(\"{}\", crate::j::K); }";
        let expected = [
            "crate::f::*",
            "crate::h::i",
            "crate::j::K",
            "super::a::B",
            "super::a::c",
            "super::a::c::D",
        ];
        assert_eq!(imports(text), expected);
    }

    #[test]
    fn tests_do_not_count_and_neither_does_handing_on() {
        let text = "pub use self::a::B; #[cfg(test)] mod tests { use crate::c::D; }";
        assert!(imports(text).is_empty());
        // What is handed on and used here as well is imported.
        let text = "pub use self::a::B; fn c() -> B { B::new() }";
        assert!(imports(text).contains(&"self::a::B".to_owned()));
    }
}
