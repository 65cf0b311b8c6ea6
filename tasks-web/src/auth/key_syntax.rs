//! How a key is written in a file or a variable.

use super::key::ApiKey;

/// Reads `name:secret`, `name(read-only)[tag|tag]:secret` with one of the two or both, or a secret alone. An error quotes nothing: what is there may be a secret.
pub(super) fn read(entry: &str, place: usize) -> Result<ApiKey, &'static str> {
    let Some((head, secret)) = entry.split_once(':') else {
        // What was meant to limit a key is not taken for a part of its secret.
        if entry.contains(['(', ')', '[', ']']) {
            return Err(
                "has a name with tags or a right, and no colon after it: write `name(read-only)[etl|reports]:secret`",
            );
        }
        return Ok(ApiKey::new(format!("key-{place}"), entry));
    };
    let (name, tags) = match head.split_once('[') {
        None => (head, None),
        Some((name, tags)) => {
            let tags = tags
                .strip_suffix(']')
                .ok_or("has tags without an end: write `name[etl|reports]:secret`")?;
            (name, Some(tags))
        }
    };
    let (name, read_only) = match name.split_once('(') {
        None => (name, false),
        Some((name, right)) if right.trim_end() == "read-only)" => (name, true),
        Some(_) => {
            return Err(
                "has something other than `read-only` in parentheses: write `name(read-only):secret`",
            );
        }
    };
    let (name, secret) = (name.trim(), secret.trim());
    if !is_name(name) {
        return Err("has no well-formed name before the colon: write `name:secret`");
    }
    let mut key = ApiKey::new(name, secret);
    if read_only {
        key = key.read_only();
    }
    Ok(match tags {
        None => key,
        Some(tags) => key.tags(tags.split('|').map(str::trim).filter(|tag| !tag.is_empty())),
    })
}

/// 1 to 64 letters, digits, `.`, `_` and `-`.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let parts = |entry| read(entry, 3).map(|key| (key.name, key.tags));
        assert_eq!(parts("0123456789abcdef=="), Ok(("key-3".to_owned(), None)));
        assert_eq!(parts("ops:0123456789abcdef"), Ok(("ops".to_owned(), None)));
        let tags = Some(vec!["a".to_owned(), "b c".to_owned()]);
        assert_eq!(parts("ops[b c | a]: x"), Ok(("ops".to_owned(), tags)));
        assert_eq!(parts("ops[]:x"), Ok(("ops".to_owned(), Some(Vec::new()))));
        let read_only = |entry| read(entry, 1).map(|key| (key.name, key.tags, key.read_only));
        let tags = Some(vec!["a".to_owned()]);
        assert_eq!(
            read_only("tv(read-only):x"),
            Ok(("tv".to_owned(), None, true))
        );
        assert_eq!(
            read_only("tv (read-only) [a]: x"),
            Ok(("tv".to_owned(), tags, true))
        );
        for bad in [
            ":x",
            "a b:x",
            "ops[a:x",
            "[a]:x",
            "a(rw):x",
            "a(read-only:x",
            "a[b](read-only):x",
            "(read-only):x",
            "tv(read-only)[a]",
            "tv[a|b];0123456789abcdef",
            "tv(read-only)=0123456789abcdef",
        ] {
            assert!(parts(bad).is_err(), "{bad}");
        }
        // What comes after the first colon is the secret.
        assert_eq!(
            read("ops:0123456789abc:def", 1).map(|key| key.hash),
            Ok(ApiKey::new("x", "0123456789abc:def").hash)
        );
    }
}
