//! `cargo xtask book`: the guide as a book, in `target/book`.

mod check;
pub(crate) mod page;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process::{root, target_dir};
use crate::setup;

/// Folder of the book, with `book.toml`.
fn folder() -> PathBuf {
    root().join("docs/book")
}

/// Folder of the pages.
pub(crate) fn pages() -> PathBuf {
    folder().join("src")
}

/// Returns a problem for each page that is not in the summary, and for each broken link. Nothing is built.
pub(crate) fn problems() -> Result<Vec<String>> {
    let pages = page::all(&pages())?;
    println!("book: {} pages", pages.len());
    Ok(check::problems(&pages))
}

/// Checks the summary and the links of the pages, and builds the book.
///
/// A warning of mdbook is an error: it is about something that is not in the book.
pub(crate) fn build() -> Result<()> {
    let problems = problems()?;
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    let mdbook = setup::mdbook()?;
    let destination = target_dir().join("book");
    let output = Command::new(&mdbook)
        .arg("build")
        .arg(folder())
        .arg("--dest-dir")
        .arg(&destination)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", mdbook.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || said.contains("WARN") || said.contains("ERROR") {
        bail!("mdbook: {}\n{}", output.status, said.trim_end());
    }
    println!("{}", destination.join("index.html").display());
    Ok(())
}
