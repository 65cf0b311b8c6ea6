//! The files of a crate, and which of them import which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path as FilePath, PathBuf};

use anyhow::{Context as _, Result};

use super::source::{Path, Source};

/// A module is named by its path in the crate: `jobs::worker`, and nothing for the root.
type Module = String;

/// An import: from one module to another, and the name that is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrow {
    pub(super) from: Module,
    pub(super) to: Module,
    pub(super) name: String,
}

/// The imports of a crate.
pub(super) struct Graph {
    files: BTreeMap<Module, String>,
    arrows: BTreeSet<Arrow>,
}

impl Graph {
    pub(super) fn of_crate(src: &FilePath) -> Result<Self> {
        let mut texts = Vec::new();
        for path in rust_files(src)? {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            texts.push((path.strip_prefix(src)?.to_string_lossy().into_owned(), text));
        }
        Self::of_texts(texts)
    }

    /// The imports of files, each with its path below `src`.
    pub(super) fn of_texts(texts: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut sources = BTreeMap::new();
        for (file, text) in texts {
            let source =
                Source::read(&text).with_context(|| format!("cannot understand {file}"))?;
            let module = module_of(&file);
            files.insert(module.clone(), file);
            sources.insert(module, source);
        }
        let mut arrows = BTreeSet::new();
        for (from, source) in &sources {
            for import in &source.imports {
                if let Some((to, name)) = resolve(&sources, from, import, 0)
                    && to != *from
                {
                    arrows.insert(Arrow {
                        from: from.clone(),
                        to,
                        name,
                    });
                }
            }
        }
        Ok(Self { files, arrows })
    }

    /// The files, by module.
    pub(super) fn files(&self) -> &BTreeMap<Module, String> {
        &self.files
    }

    pub(super) fn arrows(&self) -> &BTreeSet<Arrow> {
        &self.arrows
    }
}

fn rust_files(folder: &FilePath) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// `jobs/worker/mod.rs` is `jobs::worker`, and so is `jobs/worker.rs`.
fn module_of(file: &str) -> Module {
    let name = file.trim_end_matches(".rs");
    let name = name.strip_suffix("/mod").unwrap_or(name);
    if matches!(name, "lib" | "mod") {
        return Module::new();
    }
    name.replace('/', "::")
}

fn child(module: &str, name: &str) -> Module {
    if module.is_empty() {
        name.to_owned()
    } else {
        format!("{module}::{name}")
    }
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

/// The module that defines what a path in `from` names, and its name there. Nothing for what is not of this crate.
fn resolve(
    sources: &BTreeMap<Module, Source>,
    from: &str,
    path: &Path,
    depth: usize,
) -> Option<(Module, String)> {
    // `pub use` may go round in a circle.
    if depth > 10 {
        return None;
    }
    let mut segments = path.iter().map(String::as_str).peekable();
    let mut module = match *segments.peek()? {
        "crate" => {
            segments.next();
            String::new()
        }
        "self" => {
            segments.next();
            from.to_owned()
        }
        "super" => {
            let mut module = from;
            while segments.next_if_eq(&"super").is_some() {
                module = parent(module);
            }
            module.to_owned()
        }
        first if sources.contains_key(&child(from, first)) => from.to_owned(),
        _ => return None,
    };
    while let Some(name) = segments.next_if(|name| sources.contains_key(&child(&module, name))) {
        module = child(&module, name);
    }
    let Some(name) = segments.next() else {
        let name = module.rsplit("::").next().unwrap_or_default().to_owned();
        return Some((module, name));
    };
    let exports = &sources.get(&module)?.exports;
    if let Some(export) = exports.iter().find(|export| export.name == name)
        && let Some(found) = resolve(sources, &module, &export.path, depth + 1)
    {
        return Some(found);
    }
    Some((module, name.to_owned()))
}
