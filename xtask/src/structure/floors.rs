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

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "text\n```floors of a-crate\nc\nb d\na\n```\ntext";

    fn problems(files: &[(&str, &str)]) -> Vec<String> {
        let texts = files
            .iter()
            .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        against(
            &Graph::of_texts(texts).unwrap(),
            &read(MAP, "a-crate").unwrap(),
        )
    }

    #[test]
    fn imports_run_down() {
        let files = [
            ("c/x.rs", "use crate::a::A;"),
            ("b.rs", "use crate::a::A;"),
            ("a.rs", ""),
        ];
        assert!(problems(&files).is_empty());
        let up = problems(&[("a.rs", "use crate::c::C;"), ("c.rs", "")]);
        assert_eq!(up, ["`a` imports `C` from `c`, which is not below it"]);
        let along = problems(&[("b.rs", "use crate::d::D;"), ("d.rs", "")]);
        assert_eq!(along.len(), 1);
        let unknown = problems(&[("e.rs", "")]);
        assert!(unknown[0].contains("`e` is on no floor"), "{unknown:?}");
    }

    #[test]
    fn a_map_names_every_module_once() {
        assert!(read(MAP, "another").is_err());
        assert!(read("```floors of a-crate\na\na\n```", "a-crate").is_err());
    }
}
