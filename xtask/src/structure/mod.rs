//! The structure of the crates: no circles of files, and no imports from a lower floor to a higher one. The files that the pages about
//! the code and the book name exist, the names beside them occur in them, and the links of the book lead somewhere.
//!
//! `ARCHITECTURE.md` says which floors a crate has. What a module imports is read from the source: from its `use` declarations and
//! from the paths that begin with `crate`, `self` or `super`. Tests do not count, and neither does handing a name on by `pub use`.

mod circles;
mod floors;
mod graph;
mod names;
mod pages;
mod source;

use std::fs;

use anyhow::{Context as _, Result, bail};

use self::graph::Graph;
use crate::book;
use crate::process::root;

const CRATES: [&str; 3] = ["tasks-macros", "tasks-runtime", "tasks-web"];
const MAP: &str = "ARCHITECTURE.md";

/// Checks all crates, and reports all that is wrong at once.
pub(crate) fn run_step() -> Result<()> {
    let map = root().join(MAP);
    let map = fs::read_to_string(&map).with_context(|| format!("cannot read {}", map.display()))?;
    let mut problems = Vec::new();
    for name in CRATES {
        let graph = Graph::of_crate(&root().join(name).join("src"))?;
        let floors = floors::read(&map, name)?;
        for circle in circles::of(&graph) {
            problems.push(format!("{name}: {circle}"));
        }
        problems.extend(
            floors::against(&graph, &floors)
                .into_iter()
                .map(|problem| format!("{name}: {problem}")),
        );
        println!(
            "{name}: {} files, {} imports",
            graph.files().len(),
            graph.arrows().len()
        );
    }
    problems.extend(pages::problems()?);
    problems.extend(names::problems()?);
    problems.extend(book::problems()?);
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{}", problems.join("\n"))
}
