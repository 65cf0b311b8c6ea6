//! Files that import each other.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::Graph;

/// Every circle, in words: its files, and the imports that tie it.
pub(super) fn of(graph: &Graph) -> Vec<String> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for arrow in graph.arrows() {
        next.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let reach: BTreeMap<&str, BTreeSet<&str>> = next
        .keys()
        .map(|from| (*from, reachable(&next, from)))
        .collect();
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for (from, reached) in &reach {
        if !reached.contains(from) || !seen.insert(*from) {
            continue;
        }
        let mut circle = vec![*from];
        for to in reached {
            let back = reach.get(to).is_some_and(|there| there.contains(from));
            if back && seen.insert(to) {
                circle.push(to);
            }
        }
        circles.push(in_words(graph, &circle));
    }
    circles
}

fn reachable<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = next.get(from).into_iter().flatten().copied().collect();
    while let Some(module) = open.pop() {
        if reached.insert(module) {
            open.extend(next.get(module).into_iter().flatten());
        }
    }
    reached
}

fn in_words(graph: &Graph, circle: &[&str]) -> String {
    let file = |module: &str| graph.files().get(module).cloned().unwrap_or_default();
    let mut text = format!("{} files import each other:", circle.len());
    let mut ties: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for arrow in graph.arrows() {
        if circle.contains(&arrow.from.as_str()) && circle.contains(&arrow.to.as_str()) {
            let tie = (file(&arrow.from), file(&arrow.to));
            ties.entry(tie).or_default().push(&arrow.name);
        }
    }
    for ((from, to), names) in ties {
        text.push_str(&format!("\n    {from} -> {to}: {}", names.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let texts = files
            .iter()
            .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        of(&Graph::of_texts(texts).unwrap())
    }

    #[test]
    fn files_that_import_each_other_are_found_however_long_the_way() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b/mod.rs", "mod d; pub use self::d::B;"),
            ("b/d.rs", "use crate::c; pub struct B(c::C);"),
            ("c.rs", "use super::A; pub struct C(Box<A>);"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        // Through names that are handed on, to the files that define them.
        for tie in ["a.rs -> b/d.rs: B", "b/d.rs -> c.rs: ", "c.rs -> a.rs: A"] {
            assert!(found[0].contains(tie), "{tie} is not in {}", found[0]);
        }
    }

    #[test]
    fn imports_in_one_direction_are_no_circle() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "pub struct B;"),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }
}
