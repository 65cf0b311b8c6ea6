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

/// Features of the runtime, and what they must not bring.
const WITHOUT: [(&str, &[&str]); 3] = [
    ("", &OF_DATABASES),
    ("sqlite", &["postgres-", "tokio-postgres"]),
    ("postgres", &["libsqlite3-sys"]),
];

/// Checks that the runtime has no database in its tree without its default features, and with one database not the other.
pub(crate) fn check() -> Result<()> {
    for (features, unwanted) in WITHOUT {
        let tree = tree(features)?;
        let crates = crates(&tree)?;
        let found = among(&crates, unwanted);
        if !found.is_empty() {
            bail!(
                "tasks-runtime with the features `{features}` depends on {}: make the dependency optional, and part of the \
                 feature that needs it",
                found.join(", ")
            );
        }
        println!(
            "tasks-runtime with the features `{features}`: {} crates, none of {}",
            crates.len(),
            unwanted.join(", ")
        );
    }
    // What nothing depends on any more is easily absent.
    let tree = tree("sqlite,postgres")?;
    let crates = crates(&tree)?;
    for name in OF_DATABASES {
        if among(&crates, &[name]).is_empty() {
            bail!(
                "`{name}` is not in the tree of any database: take it off the list in xtask/src/dependencies.rs"
            );
        }
    }
    Ok(())
}

fn tree(features: &str) -> Result<String> {
    output(&mut cargo([
        "tree",
        "--package",
        "tasks-runtime",
        "--no-default-features",
        "--features",
        features,
        "--edges",
        "normal",
        "--target",
        "all",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))
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

fn among<'a>(crates: &[&'a str], beginnings: &[&str]) -> Vec<&'a str> {
    crates
        .iter()
        .filter(|name| {
            beginnings
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
        assert_eq!(among(&crates, &OF_DATABASES), ["deadpool", "diesel-async"]);
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
