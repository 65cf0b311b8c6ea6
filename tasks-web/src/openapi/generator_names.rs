//! Names as generators see them.

/// What generators make of an id, whose words they put together in their own way.
pub(super) fn plain(id: &str) -> String {
    id.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}
