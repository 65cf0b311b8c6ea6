//! Texts that rows are searched for.

/// How long a text may be that is searched for, in characters.
pub const SEARCH_LENGTH: std::ops::RangeInclusive<usize> = 3..=200;

/// A pattern of `LIKE ... ESCAPE '\\'` for what has a text in it.
pub(crate) fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// A text as it is inside of a string of JSON.
pub(crate) fn inside_json(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap_or_default();
    let inside = json
        .strip_prefix('"')
        .and_then(|json| json.strip_suffix('"'));
    inside.unwrap_or(text).to_owned()
}

/// The operator that looks for a pattern whatever its case: that of ASCII letters in SQLite.
pub(crate) fn like(backend: super::Backend) -> &'static str {
    match backend {
        super::Backend::Sqlite => "LIKE",
        super::Backend::Postgres => "ILIKE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stands_for_itself() {
        assert_eq!(containing(r"50%_\x"), r"%50\%\_\\x%");
        assert_eq!(inside_json("say \"hi\""), r#"say \"hi\""#);
    }
}
