//! The crates that are compiled: the same functions with and without the attribute.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::process::root;

/// Which of the crates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// With `#[task]` on every function.
    Attribute,
    /// With a derived struct and a handler for every function.
    Derived,
    /// The functions alone.
    Control,
}

impl Variant {
    pub(super) const ALL: [Self; 3] = [Self::Attribute, Self::Derived, Self::Control];

    /// The name of the crate and of its folder.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Attribute => "bench-attribute",
            Self::Derived => "bench-derived",
            Self::Control => "bench-control",
        }
    }

    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Attribute => "`#[task]`",
            Self::Derived => "a derived struct",
            Self::Control => "the function alone",
        }
    }
}

/// Writes a workspace of all crates into a folder.
pub(super) fn write(folder: &Path, tasks: u32) -> Result<()> {
    let members = Variant::ALL
        .map(|variant| format!("{:?}", variant.name()))
        .join(", ");
    write_file(
        &folder.join("Cargo.toml"),
        &format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n"),
    )?;
    // The versions that the workspace is tested with.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))
        .context("cannot copy Cargo.lock")?;
    for variant in Variant::ALL {
        let folder = folder.join(variant.name());
        write_file(&folder.join("Cargo.toml"), &manifest(variant))?;
        write_file(&folder.join("src/lib.rs"), &source(variant, tasks))?;
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// All have the same dependencies, so that cargo has the same to do.
fn manifest(variant: Variant) -> String {
    format!(
        "[package]\nname = {:?}\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\nschemars = \"1\"\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\
         serde_json = \"1\"\ntasks-web = {{ path = {:?} }}\n",
        variant.name(),
        root().join("tasks-web"),
    )
}

fn source(variant: Variant, tasks: u32) -> String {
    let mut source = String::from("#![allow(dead_code, missing_docs)]\n");
    if variant == Variant::Attribute {
        source.push_str("use tasks_web::prelude::*;\n");
    }
    source.push_str(
        "#[derive(serde::Serialize, schemars::JsonSchema)]\npub struct Out { pub result: i64 }\n",
    );
    for number in 0..tasks {
        let (attribute, parameter) = match variant {
            Variant::Attribute => (
                "#[task(tags = [\"bench\"])]\n",
                "/// Who.\n    #[task(default = \"World\")]\n    ",
            ),
            Variant::Derived | Variant::Control => ("", ""),
        };
        // Writing to a string cannot fail.
        let _ = write!(
            source,
            "\n/// Task number {number}.\n{attribute}pub async fn task_{number}(\n    \
             {parameter}name: String,\n    amount: i64,\n    limit: Option<u32>,\n    labels: Vec<String>,\n) -> Out {{\n    \
             Out {{ result: amount + limit.map_or({number}, i64::from) + (name.len() + labels.len()) as i64 }}\n}}\n"
        );
        if variant == Variant::Derived {
            source.push_str(&handler(number));
        }
    }
    source
}

/// What one writes for a function without the attribute.
fn handler(number: u32) -> String {
    format!(
        "#[derive(serde::Deserialize, schemars::JsonSchema)]\npub struct Params{number} {{\n    \
         /// Who.\n    #[serde(default = \"world_{number}\")]\n    name: String,\n    amount: i64,\n    \
         limit: Option<u32>,\n    labels: Vec<String>,\n}}\n\
         fn world_{number}() -> String {{ \"World\".to_owned() }}\n\
         pub async fn handle_{number}(body: &[u8]) -> Result<Vec<u8>, serde_json::Error> {{\n    \
         let params: Params{number} = serde_json::from_slice(body)?;\n    \
         let out = task_{number}(params.name, params.amount, params.limit, params.labels).await;\n    \
         serde_json::to_vec(&out)\n}}\n\
         pub fn schema_{number}() -> schemars::Schema {{ schemars::schema_for!(Params{number}) }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crates_differ_in_the_attribute_alone() {
        let attribute = source(Variant::Attribute, 2);
        assert_eq!(attribute.matches("#[task(tags").count(), 2);
        assert_eq!(attribute.matches("pub async fn").count(), 2);
        let without = attribute
            .replace("#[task(tags = [\"bench\"])]\n", "")
            .replace("/// Who.\n    #[task(default = \"World\")]\n    ", "")
            .replace("use tasks_web::prelude::*;\n", "");
        assert_eq!(without, source(Variant::Control, 2));
    }
}
