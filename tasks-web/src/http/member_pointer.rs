//! Where a member of a body is.

use tasks_runtime::shared::escape_pointer;

/// How many characters of a name that a client sent are shown.
const SHOWN: usize = 50;

/// The JSON pointer of a member of the body, whose name may be any: its first characters.
pub(crate) fn member_pointer(name: &str) -> String {
    let shown: String = name.chars().take(SHOWN).collect();
    format!("/{}", escape_pointer(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_cut() {
        assert_eq!(member_pointer("a/b~c"), "/a~1b~0c");
        assert_eq!(
            member_pointer(&"ä".repeat(60)),
            format!("/{}", "ä".repeat(50))
        );
    }
}
