//! The public API of the crates that are published, compared with what is recorded: a change of it is seen in a review, and does not
//! happen by accident.
//!
//! It is read from rustdoc's JSON, which has a new form with every few compilers; so it is compared under the compiler alone that it was
//! recorded with.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use public_api::Builder;

use crate::compiler;
use crate::process::{cargo, root, run, target_dir};

/// The crates, each with its file of recorded items.
const CRATES: [&str; 2] = ["tasks-runtime", "tasks-web"];

/// Compares the public API with the recorded one; with `UPDATE` in the environment, records it.
pub(crate) fn run_step() -> Result<()> {
    if let Some(note) = compiler::note() {
        println!("{note}");
        return Ok(());
    }
    let rustdoc = unstable_rustdoc()?;
    let mut changed = Vec::new();
    for name in CRATES {
        let items = items(name, &rustdoc)?;
        let file = root().join(name).join("public-api.txt");
        let recorded = fs::read_to_string(&file).unwrap_or_default();
        if items == recorded {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &items).with_context(|| format!("cannot write {}", file.display()))?;
            continue;
        }
        let without = |all: &str, other: &str, sign: char| -> Vec<String> {
            let missing = other
                .lines()
                .filter(|line| !all.lines().any(|it| it == *line));
            missing.map(|line| format!("{sign} {line}")).collect()
        };
        changed.extend(without(&items, &recorded, '-'));
        changed.extend(without(&recorded, &items, '+'));
    }
    if !changed.is_empty() {
        bail!(
            "the public API is another than recorded. If that is meant, run `UPDATE=1 cargo xtask test api`, and say it in CHANGELOG.md \
             (breaking, if something is gone or changed):\n{}",
            changed.join("\n")
        );
    }
    Ok(())
}

/// All public items of a crate, one per line.
fn items(name: &str, rustdoc: &Path) -> Result<String> {
    run(
        cargo(["rustdoc", "--lib", "--all-features", "--package", name])
            .args(["--", "-Z", "unstable-options", "--output-format", "json"])
            .env("RUSTDOC", rustdoc),
    )?;
    let json = target_dir()
        .join("doc")
        .join(format!("{}.json", name.replace('-', "_")));
    let api = Builder::from_rustdoc_json(&json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .with_context(|| format!("cannot read {}", json.display()))?;
    Ok(api.items().map(|item| format!("{item}\n")).collect())
}

/// A rustdoc that may do what is not stable. Only that program is told so: build scripts would build other code.
fn unstable_rustdoc() -> Result<PathBuf> {
    let script = target_dir().join("unstable-rustdoc");
    fs::write(
        &script,
        "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n",
    )
    .and_then(|()| fs::set_permissions(&script, fs::Permissions::from_mode(0o755)))
    .with_context(|| format!("cannot write {}", script.display()))?;
    Ok(script)
}
