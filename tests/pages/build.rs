//! Finds the pages whose code is compiled: `README.md`, and every page of the book.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).unwrap_or(here);
    let book = root.join("docs/book/src");
    println!("cargo::rerun-if-changed={}", book.display());
    let readme = root.join("README.md");
    println!("cargo::rerun-if-changed={}", readme.display());
    let mut pages = vec![readme];
    collect(&book, &mut pages)?;
    pages.sort();
    let mut code = String::new();
    for page in pages {
        let text = fs::read_to_string(&page)?;
        let compiled = |line: &str| line.starts_with("```rust") && !line.contains("ignore");
        if !text.lines().any(compiled) {
            continue;
        }
        let name = page.strip_prefix(root).unwrap_or(&page);
        let name = name
            .to_string_lossy()
            .replace(|character: char| !character.is_ascii_alphanumeric(), "_");
        // The name is in the name of each test.
        let line = format!("#[doc = include_str!({page:?})]\nstruct {name};\n");
        code.write_str(&line).map_err(io::Error::other)?;
    }
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    fs::write(out.join("pages.rs"), code)
}

/// Adds the pages below a folder.
fn collect(folder: &Path, pages: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    Ok(())
}
