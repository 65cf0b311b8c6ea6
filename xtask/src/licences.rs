//! The licences of all dependencies: by cargo-deny where it is installed, else by a check of our own. Both read
//! `deny.toml`.

mod policy;
mod spdx;

use std::fs;

use anyhow::{Context as _, Result, bail};

use self::policy::Policy;
use crate::process::{cargo, find, output, root, run};

pub(crate) fn run_step() -> Result<()> {
    if find("cargo-deny").is_some() {
        return run(&mut cargo(["deny", "--workspace", "check"]));
    }
    println!(
        "cargo-deny is not installed: licences are checked against deny.toml by a check of our own; advisories, bans and \
         sources are NOT checked"
    );
    let policy = fs::read_to_string(root().join("deny.toml")).context("cannot read deny.toml")?;
    let policy = Policy::parse(&policy)?;
    let tree = output(&mut cargo([
        "tree",
        "--workspace",
        "--all-features",
        // As cargo-deny does by default: development dependencies and all platforms.
        "-e",
        "normal,build,dev",
        "--target",
        "all",
        "--prefix",
        "none",
        "-f",
        "{p}|{l}",
    ]))?;
    let packages = packages(&tree);
    let refused: Vec<String> = packages
        .iter()
        .filter_map(|package| policy.complaint(package))
        .collect();
    if !refused.is_empty() {
        bail!(
            "licences that deny.toml does not allow:\n{}",
            refused.join("\n")
        );
    }
    println!(
        "{} packages, every one under a licence that deny.toml allows",
        packages.len()
    );
    Ok(())
}

/// A line of `cargo tree -f '{p}|{l}'`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    licence: &'a str,
}

fn packages(tree: &str) -> Vec<Package<'_>> {
    let mut packages: Vec<Package<'_>> = tree
        .lines()
        .filter_map(|line| {
            let (package, licence) = line.split_once('|')?;
            let mut words = package.split(' ');
            let (name, version) = (words.next()?, words.next()?);
            // `(*)` marks what was printed before.
            Some(Package {
                name,
                version,
                licence: licence.trim_end_matches("(*)").trim(),
            })
        })
        .collect();
    packages.sort();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_read_once_per_package() {
        let tree = "tasks v0.1.0 (/somewhere)|MIT OR Apache-2.0\nserde v1.0.0|MIT\n\nserde v1.0.0|MIT (*)\nnone v2.0.0|\n";
        let names: Vec<(&str, &str)> = packages(tree)
            .iter()
            .map(|package| (package.name, package.licence))
            .collect();
        assert_eq!(
            names,
            [
                ("none", ""),
                ("serde", "MIT"),
                ("tasks", "MIT OR Apache-2.0")
            ]
        );
    }
}
