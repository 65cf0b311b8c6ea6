//! Did you mean …?

/// The names that resemble `name`, the closest first, at most `count`.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>, count: usize) -> Vec<&'a str> {
    /// Below this, two names have little in common.
    const SIMILAR: f64 = 0.75;
    // The comparison is quadratic in the length, and no name is that long.
    if name.len() > 128 {
        return Vec::new();
    }
    let lower = name.to_ascii_lowercase();
    let mut close: Vec<(f64, &str)> = known
        .map(|candidate| {
            (
                strsim::jaro_winkler(&lower, &candidate.to_ascii_lowercase()),
                candidate,
            )
        })
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .collect();
    close.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
    close
        .into_iter()
        .take(count)
        .map(|(_, candidate)| candidate)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_found() {
        let known = ["greet_user", "add", "multiply", "limit"];
        let one = |name| nearest(name, known.into_iter(), 1).first().copied();
        assert_eq!(one("lmit"), Some("limit"));
        assert_eq!(one("greet-user"), Some("greet_user"));
        assert_eq!(one("GREET_USER"), Some("greet_user"));
        assert_eq!(one("zzz"), None);
        assert_eq!(one(&"a".repeat(1000)), None);
    }
}
