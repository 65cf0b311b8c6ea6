//! Texts that rows are searched for.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::error::DatabaseError;

/// How long a text may be that is searched for, in characters.
pub const SEARCH_LENGTH: std::ops::RangeInclusive<usize> = 3..=200;

/// A pattern of `LIKE ... ESCAPE '!'` for what has a text in it. With a backslash, the statement would mean something else where
/// `standard_conforming_strings` is off.
pub(crate) fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
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

/// The same with escapes for all that is not ASCII, as `json.dumps` of Python writes it; `None` when that is no different.
pub(crate) fn ascii_json(inside: &str) -> Option<String> {
    if inside.is_ascii() {
        return None;
    }
    let mut escaped = String::with_capacity(inside.len() * 2);
    for character in inside.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    Some(escaped)
}

/// How many searches a process makes at once. They read a lot, and whoever asks for many is not to have all connections.
static SLOTS: Semaphore = Semaphore::const_new(2);
/// How long a search waits for the others.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a search when not too many others are made. It goes on, and counts, when the one who asked is gone: a database does not stop by that.
pub(crate) async fn bounded<T: Send + 'static, E: From<DatabaseError> + Send + 'static>(
    search: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E> {
    let Ok(slot) = tokio::time::timeout(PATIENCE, SLOTS.acquire()).await else {
        return Err(DatabaseError::TooManySearches.into());
    };
    let task = tokio::spawn(async move {
        let _slot = slot;
        search.await
    });
    match task.await {
        Ok(found) => found,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(DatabaseError::TooManySearches.into()),
        },
    }
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
        assert_eq!(containing(r"50%_\x!"), r"%50!%!_\x!!%");
        assert_eq!(ascii_json("plain"), None);
        assert_eq!(ascii_json("Zü😀").as_deref(), Some(r"Z\u00fc\ud83d\ude00"));
        assert_eq!(inside_json("say \"hi\""), r#"say \"hi\""#);
    }

    #[tokio::test(start_paused = true)]
    async fn two_searches_are_made_at_once_and_another_waits_for_a_while() {
        let endless = || bounded(std::future::pending::<Result<(), DatabaseError>>());
        let (one, two) = (tokio::spawn(endless()), tokio::spawn(endless()));
        tokio::task::yield_now().await;
        let began = tokio::time::Instant::now();
        let third = bounded(async { Ok::<_, DatabaseError>(()) }).await;
        assert!(matches!(third, Err(DatabaseError::TooManySearches)));
        assert!(began.elapsed() >= PATIENCE);
        // They go on when nobody waits for them any more.
        for search in [one, two] {
            search.abort();
        }
        let fourth = bounded(async { Ok::<_, DatabaseError>(()) }).await;
        assert!(matches!(fourth, Err(DatabaseError::TooManySearches)));
    }
}
