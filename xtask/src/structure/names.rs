//! The names in the code that the pages about the code give beside a file: `` `file.rs` (`name`) ``.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

use super::pages::{PAGES, is_path, with_whole_paths};
use crate::process::root;

/// A name that a page gives in the parentheses after a file.
#[derive(Debug, PartialEq, Eq)]
struct Mention<'a> {
    /// The line of the page, from 1.
    line: usize,
    file: &'a str,
    name: &'a str,
}

/// Returns a problem for each name that does not occur in the file that it stands behind.
pub(super) fn problems() -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut files = BTreeMap::new();
    for page in PAGES {
        let text =
            fs::read_to_string(root().join(page)).with_context(|| format!("cannot read {page}"))?;
        for Mention { line, file, name } in mentions(&with_whole_paths(&text)) {
            // Another check reports files that do not exist. A folder has no text.
            if !root().join(file).is_file() {
                continue;
            }
            if !files.contains_key(file) {
                let text = fs::read_to_string(root().join(file))
                    .with_context(|| format!("cannot read {file}"))?;
                files.insert(file.to_owned(), text);
            }
            let missing = files.get(file).and_then(|text| missing_word(text, name));
            if let Some(word) = missing {
                problems.push(format!(
                    "{page}, line {line}: `{word}` does not occur in `{file}`: write the present name, or name the file that has it"
                ));
            }
        }
    }
    Ok(problems)
}

/// Returns what is written as code in the parentheses that follow a path at once. A path is no name there, and neither is a command.
fn mentions(text: &str) -> Vec<Mention<'_>> {
    let mut mentions = Vec::new();
    let mut line = 1;
    let mut file = None;
    // How many parentheses are open since the path.
    let mut depth = 0;
    for (index, piece) in text.split('`').enumerate() {
        let is_code = index % 2 == 1;
        if is_code {
            match file {
                Some(file) if depth > 0 => {
                    if !piece.contains('/') && !piece.contains(char::is_whitespace) {
                        let name = piece;
                        mentions.push(Mention { line, file, name });
                    }
                }
                _ => file = is_path(piece).then_some(piece),
            }
        } else if depth > 0 || piece.trim_start().starts_with('(') {
            for character in piece.chars() {
                match character {
                    '(' => depth += 1,
                    ')' if depth > 0 => depth -= 1,
                    _ => {}
                }
                if depth == 0 && character == ')' {
                    break;
                }
            }
            if depth == 0 {
                file = None;
            }
        } else {
            file = None;
        }
        line += piece.matches('\n').count();
    }
    mentions
}

/// Returns the first word of a name, like `sql` and `READY_` of `sql::READY_*`, that a text does not have as a word. One before `*` is
/// the beginning of a word.
fn missing_word<'a>(text: &str, name: &'a str) -> Option<&'a str> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut rest = name;
    while let Some(begin) = rest.find(is_word) {
        let (_, tail) = rest.split_at(begin);
        let end = tail.find(|c| !is_word(c)).unwrap_or(tail.len());
        let (word, tail) = tail.split_at(end);
        let is_beginning = tail.starts_with('*');
        let occurs = text.match_indices(word).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + word.len()..]);
            !before.ends_with(is_word) && (is_beginning || !after.starts_with(is_word))
        });
        if !occurs {
            return Some(word);
        }
        rest = tail;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_is_code_in_the_parentheses_after_a_path() {
        let text = "| `xtask/src/a.rs` (`one`, of which `two::three`), `four` |\n\
                    `xtask/src/b.rs`\n(`five` (or six), `seven`; `xtask/src/c.rs`, `cargo test`) `eight`\n\
                    `xtask/src/d.rs`: see (`nine`). `ten.rs` (`eleven`) `xtask/src/e.rs` (text) and (`twelve`)";
        let found: Vec<_> = mentions(text)
            .into_iter()
            .map(|Mention { line, file, name }| (line, file, name))
            .collect();
        assert_eq!(
            found,
            [
                (1, "xtask/src/a.rs", "one"),
                (1, "xtask/src/a.rs", "two::three"),
                (3, "xtask/src/b.rs", "five"),
                (3, "xtask/src/b.rs", "seven"),
            ]
        );
    }

    #[test]
    fn a_name_occurs_as_words() {
        let text = "mod sql { const READY_SHARED: u8 = 1; } fn run_step() {}";
        for name in [
            "sql",
            "run_step",
            "sql::READY_*",
            "READY_SHARED!",
            "run_step()",
        ] {
            assert_eq!(missing_word(text, name), None, "{name}");
        }
        for (name, word) in [
            ("run", "run"),
            ("step", "step"),
            ("READY_", "READY_"),
            ("sql::OWN", "OWN"),
        ] {
            assert_eq!(missing_word(text, name), Some(word), "{name}");
        }
    }
}
