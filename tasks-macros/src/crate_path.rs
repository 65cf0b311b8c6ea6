//! Where the generated code finds the runtime.

use std::cell::RefCell;
use std::collections::HashMap;

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span};
use syn::{Path, parse_quote};

/// The crates that re-export the runtime's private module, the more complete one first.
const CRATES: [&str; 2] = ["tasks-web", "tasks-runtime"];

thread_local! {
    /// By the manifest's directory: an IDE expands the macros of many crates in one process.
    static FOUND: RefCell<HashMap<String, String>> = RefCell::new(HashMap::new());
}

/// The path given by the user, or the crate the application depends on, under the name it gave it.
pub(crate) fn resolve(explicit: Option<&Path>) -> Path {
    if let Some(path) = explicit {
        return path.clone();
    }
    let manifest = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let name = FOUND.with_borrow_mut(|found| found.entry(manifest).or_insert_with(find).clone());
    let ident = Ident::new(&name, Span::call_site());
    parse_quote!(::#ident)
}

fn find() -> String {
    for name in CRATES {
        match crate_name(name) {
            Ok(FoundCrate::Name(name)) => return name,
            // The crate itself, its tests, doctests and examples: it says `extern crate self as …`.
            Ok(FoundCrate::Itself) => return name.replace('-', "_"),
            Err(_) => {}
        }
    }
    // No manifest says (another build system, say): rustc's own message about this name is the best one there is.
    "tasks_runtime".to_owned()
}
