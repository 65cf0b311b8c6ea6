//! What must not be among the dependencies: whoever runs tasks without a database builds none.

use anyhow::{Result, bail};

use crate::process::{cargo, output};

/// Crates, by the beginning of their names, that only a database brings.
const OF_DATABASES: [&str; 6] = [
    "deadpool",
    "diesel",
    "libsqlite3-sys",
    "object_store",
    "postgres-",
    "tokio-postgres",
];

/// Checks that the runtime without its default features has no database in its tree.
pub(crate) fn check() -> Result<()> {
    let tree = output(&mut cargo([
        "tree",
        "--package",
        "tasks-runtime",
        "--no-default-features",
        "--edges",
        "normal",
        "--target",
        "all",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    let crates = crates(&tree)?;
    let found = of_databases(&crates);
    if !found.is_empty() {
        bail!(
            "tasks-runtime without default features depends on {}: make the dependency optional, and part of `sqlite` or \
             `postgres`",
            found.join(", ")
        );
    }
    println!(
        "tasks-runtime without default features: {} crates, none of a database",
        crates.len()
    );
    Ok(())
}

/// The names in the output of `cargo tree`, which are known to begin with the package asked for, and to go on.
fn crates(tree: &str) -> Result<Vec<&str>> {
    let mut names: Vec<&str> = tree
        .lines()
        .filter_map(|line| {
            // `serde v1.0.0 (*)`
            let (name, rest) = line.split_once(' ')?;
            rest.starts_with('v').then_some(name)
        })
        .collect();
    if names.first() != Some(&"tasks-runtime") || !names.contains(&"serde") {
        bail!("cannot make sense of the output of cargo tree:\n{tree}");
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn of_databases<'a>(crates: &[&'a str]) -> Vec<&'a str> {
    crates
        .iter()
        .filter(|name| {
            OF_DATABASES
                .iter()
                .any(|beginning| name.starts_with(beginning))
        })
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_found_in_the_tree() {
        let tree = "tasks-runtime v0.1.0 (/somewhere)\nserde v1.0.0\ndiesel-async v0.9.2\nserde v1.0.0 (*)\n\
                    deadpool v0.13.1\nserde_derive v1.0.0 (proc-macro)\n";
        let crates = crates(tree).expect("it is a tree");
        assert_eq!(crates.len(), 5);
        assert_eq!(of_databases(&crates), ["deadpool", "diesel-async"]);
    }

    #[test]
    fn a_tree_that_is_none_is_refused() {
        for tree in [
            "",
            "nothing to print",
            "tasks-runtime v0.1.0 (/somewhere)\n",
            "serde v1.0.0\ntasks-runtime v0.1.0 (/somewhere)\n",
            "├── tasks-runtime v0.1.0\n├── serde v1.0.0\n",
        ] {
            assert!(crates(tree).is_err(), "{tree}");
        }
    }
}
