//! The rules of tags.

use super::ArtifactError;
use super::limits::{MAX_TAG_LENGTH, MAX_TAGS};

/// Whether a tag may have this character: of ASCII letters, digits, `-` and `_`; beyond it what can be seen.
///
/// The `OpenAPI` document says the same in a pattern, by ranges: classes like `\p{L}` are unknown to most validators.
fn is_allowed(c: char) -> bool {
    match c {
        '-' | '_' => true,
        '\0'..='\x7f' => c.is_ascii_alphanumeric(),
        // Controls, spaces, and what only steers the text around it.
        '\u{80}'..='\u{a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200f}'
        | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}'
        | '\u{3000}'
        | '\u{feff}'
        | '\u{fff0}'..='\u{ffff}' => false,
        _ => true,
    }
}

/// Characters that are [allowed](is_allowed); at most 50 of at most 100 characters; none twice. All that is wrong at once.
pub(super) fn check(tags: &[String]) -> Result<(), ArtifactError> {
    let mut wrong = Vec::new();
    if tags.len() > MAX_TAGS {
        wrong.push(format!(
            "{} tags are more than the {MAX_TAGS} there may be",
            tags.len()
        ));
    }
    for (index, tag) in tags.iter().enumerate().take(MAX_TAGS) {
        let shown = || tag.chars().take(30).collect::<String>();
        if tag.is_empty() {
            wrong.push(format!("tag {index} is empty"));
        } else if tag.chars().count() > MAX_TAG_LENGTH {
            wrong.push(format!(
                "tag `{}…` is longer than {MAX_TAG_LENGTH} characters",
                shown()
            ));
        } else if !tag.chars().all(is_allowed) {
            wrong.push(format!(
                "tag `{}` has other characters than letters, digits, `-` and `_`",
                shown().escape_debug()
            ));
        }
        if tags[..index].contains(tag) {
            wrong.push(format!("tag `{}` is there twice", shown().escape_debug()));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(ArtifactError::InvalidTags(wrong))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(tags: &[&str]) -> String {
        let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
        check(&tags).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn letters_digits_hyphen_and_underscore() {
        assert_eq!(
            wrong(&["a-b_1", "größe", "数据", "हिन्दी", "🦀", &"x".repeat(100)]),
            ""
        );
        for tag in [
            "",
            " ",
            "a b",
            "a,b",
            "a.b",
            "a\n",
            "\0",
            "a\u{a0}b",
            "\u{200b}",
            "\u{feff}a",
            &"x".repeat(101),
        ] {
            assert_ne!(wrong(&[tag]), "", "{tag:?}");
        }
    }

    #[test]
    fn everything_is_said_at_once() {
        assert_eq!(
            wrong(&["a", "", "a", "b c"]),
            "tag 1 is empty; tag `a` is there twice; tag `b c` has other characters than letters, digits, `-` and `_`"
        );
    }

    #[test]
    fn there_are_not_too_many() {
        let tags: Vec<String> = (0..51).map(|n| n.to_string()).collect();
        assert!(check(&tags[..50]).is_ok());
        assert!(check(&tags).is_err());
    }
}
