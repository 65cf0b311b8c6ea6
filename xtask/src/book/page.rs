//! Pages of the book: their headings and links.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A page, as far as links are concerned.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Path below the folder of the pages.
    pub(super) path: PathBuf,
    /// Whether the first line is a heading.
    pub(super) titled: bool,
    /// Anchors of the headings.
    pub(super) anchors: Vec<String>,
    /// Targets of the links, in order.
    pub(super) links: Vec<String>,
}

impl Page {
    pub(super) fn parse(path: impl Into<PathBuf>, text: &str) -> Self {
        let mut page = Self {
            path: path.into(),
            titled: text.starts_with("# "),
            ..Self::default()
        };
        let mut inside_code = false;
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                inside_code = !inside_code;
            } else if !inside_code {
                page.line(line);
            }
        }
        page
    }

    fn line(&mut self, line: &str) {
        if line.starts_with('#') {
            let anchor = anchor(line.trim_start_matches('#').trim());
            let same = |known: &&String| {
                known
                    .strip_prefix(anchor.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            };
            // mdbook numbers headings of one text.
            let anchor = match self.anchors.iter().filter(same).count() {
                0 => anchor,
                count if self.anchors.contains(&anchor) => format!("{anchor}-{count}"),
                _ => anchor,
            };
            self.anchors.push(anchor);
        }
        // What is between backticks is no link.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let targets = prose.split("](").skip(1);
        self.links
            .extend(targets.filter_map(|rest| rest.split(')').next().map(str::to_owned)));
    }
}

/// Returns the anchor that mdbook makes of a heading.
fn anchor(heading: &str) -> String {
    heading
        .chars()
        .filter_map(|character| match character {
            'A'..='Z' => Some(character.to_ascii_lowercase()),
            '_' | '-' => Some(character),
            character if character.is_alphanumeric() => Some(character),
            character if character.is_whitespace() => Some('-'),
            _ => None,
        })
        .collect()
}

/// Reads all pages below a folder, sorted by path.
pub(super) fn all(folder: &Path) -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    for path in paths(folder)? {
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        pages.push(Page::parse(path.strip_prefix(folder)?, &text));
    }
    Ok(pages)
}

/// Returns the paths of all pages below a folder, sorted.
pub(crate) fn paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            paths.extend(self::paths(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_what_is_not_code() {
        let page = Page::parse(
            "a.md",
            "# A\n[b](b.md#c) and `[no](x.md)`, ![picture](p.svg)\n```rust\n# [no](y.md)\n```\n",
        );
        assert!(page.titled);
        assert_eq!(page.links, ["b.md#c", "p.svg"]);
        assert_eq!(page.anchors, ["a"]);
    }

    #[test]
    fn anchors_are_those_of_mdbook() {
        let page = Page::parse(
            "a.md",
            "# Options of `#[task]`\n## Réglages, 2\n## A\n## A\n",
        );
        let expected = ["options-of-task", "réglages-2", "a", "a-1"];
        assert_eq!(page.anchors, expected);
    }
}
