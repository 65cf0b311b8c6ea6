//! The floors of a crate, as `ARCHITECTURE.md` draws them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};

use super::graph::Graph;

/// The floor of each folder or file at the top of a crate; the ground floor is 0.
pub(super) type Floors = BTreeMap<String, usize>;

/// Reads the fenced block that is marked `floors of <crate>`: a line per floor, the top one first, with its modules.
pub(super) fn read(map: &str, name: &str) -> Result<Floors> {
    let begin = format!("```floors of {name}\n");
    let (_, block) = (map.split_once(&begin))
        .with_context(|| format!("ARCHITECTURE.md has no floors of {name}"))?;
    let (block, _) = block
        .split_once("```")
        .with_context(|| format!("the floors of {name} have no end"))?;
    let mut floors = Floors::new();
    for (floor, line) in block.lines().rev().enumerate() {
        for module in line.split_whitespace() {
            if floors.insert(module.to_owned(), floor).is_some() {
                bail!("`{module}` is twice among the floors of {name}");
            }
        }
    }
    Ok(floors)
}

/// Imports that run up or along a floor, and modules that are on none.
pub(super) fn against(graph: &Graph, floors: &Floors) -> Vec<String> {
    let top = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    let mut problems = Vec::new();
    let mut missing: Vec<String> = graph.files().keys().map(|module| top(module)).collect();
    missing.retain(|module| !module.is_empty() && !floors.contains_key(module));
    missing.dedup();
    for module in missing {
        problems.push(format!(
            "`{module}` is on no floor of ARCHITECTURE.md: say where it belongs"
        ));
    }
    for arrow in graph.arrows() {
        let (from, to) = (top(&arrow.from), top(&arrow.to));
        let (Some(here), Some(there)) = (floors.get(&from), floors.get(&to)) else {
            continue;
        };
        if from != to && there >= here {
            problems.push(format!(
                "`{}` imports `{}` from `{}`, which is not below it",
                arrow.from, arrow.name, arrow.to
            ));
        }
    }
    problems
}
