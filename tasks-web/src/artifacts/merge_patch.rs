//! JSON merge patches (RFC 7396), on texts: numbers keep their digits.

use tasks_runtime::artifacts::JsonText;

/// RFC 7396, section 2, on the texts: what is not named keeps its digits.
pub(super) fn merge(target: Option<&JsonText>, patch: &JsonText) -> JsonText {
    let Some(changes) = patch.members() else {
        return patch.clone();
    };
    let mut members = target.and_then(JsonText::members).unwrap_or_default();
    for (name, change) in changes {
        let index = members.iter().position(|(known, _)| *known == name);
        if change.as_str() == "null" {
            members.retain(|(known, _)| *known != name);
            continue;
        }
        let merged = merge(index.map(|index| &members[index].1), &change);
        match index {
            Some(index) => members[index].1 = merged,
            None => members.push((name, merged)),
        }
    }
    JsonText::object(&members)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of RFC 7396, appendix A.
    #[test]
    fn patches_are_merged_as_the_rfc_says() {
        for (target, patch, expected) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
            (
                r#"{"price":1.10}"#,
                r#"{"a":"\u0000"}"#,
                r#"{"price":1.10,"a":"\u0000"}"#,
            ),
        ] {
            let json = |text: &str| JsonText::parse(text).unwrap();
            let merged = merge(Some(&json(target)), &json(patch));
            assert_eq!(merged.as_str(), expected, "{target} {patch}");
        }
    }
}
