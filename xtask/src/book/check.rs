//! What mdbook does not look at: pages outside of the summary, and links.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::page::Page;

/// Path of the summary below the folder of the pages.
const SUMMARY: &str = "SUMMARY.md";

/// Returns a line for each page that is not in the summary once, and for each link that does not lead to a page, a heading or a file of
/// the book.
pub(super) fn problems(pages: &[Page]) -> Vec<String> {
    let by_path: BTreeMap<&Path, &Page> = pages
        .iter()
        .map(|page| (page.path.as_path(), page))
        .collect();
    let mut problems = Vec::new();
    let listed = by_path
        .get(Path::new(SUMMARY))
        .map(|summary| summary.links.as_slice())
        .unwrap_or_default();
    for page in pages.iter().filter(|page| page.path != Path::new(SUMMARY)) {
        let shown = page.path.display();
        let times = listed
            .iter()
            .filter(|link| Path::new(link) == page.path)
            .count();
        if times != 1 {
            problems.push(format!(
                "{shown} is {times} times in {SUMMARY}: it has to be there once"
            ));
        }
        if !page.titled {
            problems.push(format!("{shown} does not begin with a title, `# …`"));
        }
    }
    for page in pages {
        for link in &page.links {
            if let Some(reason) = broken(page, link, &by_path) {
                problems.push(format!("{}: `{link}` {reason}", page.path.display()));
            }
        }
    }
    problems
}

/// Returns why a link leads nowhere, if so.
fn broken(page: &Page, link: &str, pages: &BTreeMap<&Path, &Page>) -> Option<&'static str> {
    if link.contains("://") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        page.path.clone()
    } else {
        let folder = page.path.parent().unwrap_or(Path::new(""));
        let Some(target) = resolved(&folder.join(path)) else {
            return Some("leads out of the book: name the file as code");
        };
        target
    };
    match pages.get(target.as_path()) {
        Some(page) if !anchor.is_empty() && !page.anchors.iter().any(|known| known == anchor) => {
            Some("leads to a heading that does not exist")
        }
        Some(_) => None,
        // A picture.
        None if super::pages().join(&target).is_file() => None,
        None => Some("leads to no page"),
    }
}

/// Returns the path without `..`; none if it leads above the folder of the pages.
fn resolved(path: &Path) -> Option<PathBuf> {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if resolved.pop() => {}
            Component::Normal(name) => resolved.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orphans_and_broken_links_are_found() {
        let pages = [
            Page::parse("SUMMARY.md", "# Summary\n- [A](how-to/a.md)\n- [B](b.md)"),
            Page::parse(
                "how-to/a.md",
                "# A\n[b](../b.md#part) [c](../b.md#none) [d](d.md) [e](../../x.md) [f](#a) [g](https://example.org)",
            ),
            Page::parse("b.md", "# B\n## Part\n"),
            Page::parse("orphan.md", "text"),
        ];
        let expected = [
            "orphan.md is 0 times in SUMMARY.md: it has to be there once",
            "orphan.md does not begin with a title, `# …`",
            "how-to/a.md: `../b.md#none` leads to a heading that does not exist",
            "how-to/a.md: `d.md` leads to no page",
            "how-to/a.md: `../../x.md` leads out of the book: name the file as code",
        ];
        assert_eq!(problems(&pages), expected);
    }
}
