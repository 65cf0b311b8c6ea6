//! Ids in paths.

use tasks_runtime::artifacts::Ulid;

/// What a ULID looks like: 26 digits and capital letters.
pub(crate) const ULID: &str = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$";

/// A ULID as it is written, which is in one way only.
pub(crate) fn ulid(text: &str) -> Option<Ulid> {
    let canonical = text.len() == 26
        && text.starts_with(|c: char| ('0'..='7').contains(&c))
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b)));
    canonical.then(|| Ulid::from_string(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_in_one_way() {
        assert!(ulid("01ARZ3NDEKTSV4RRFFQ69G5FAV").is_some());
        for wrong in [
            "",
            "01arz3ndektsv4rrffq69g5fav",
            "81ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01ARZ3NDEKTSV4RRFFQ69G5FAU",
            "01ARZ3NDEKTSV4RRFFQ69G5FA",
            "01ARZ3NDEKTSV4RRFFQ69G5FAVV",
        ] {
            assert!(ulid(wrong).is_none(), "{wrong}");
        }
    }
}
