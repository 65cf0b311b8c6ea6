//! The keys of a service, and where they come from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::key::ApiKey;
use super::key_syntax;
use crate::access::{Access, KeyAccess};

/// The keys that a service asks for, and the header they come in.
///
/// Text has one key per comma or line: `name:secret`; `name[etl|reports]:secret` for one that reaches only tasks with one of
/// these tags; `name(read-only):secret` and `name(read-only)[etl]:secret` for one that changes nothing; or the secret alone, which is named
/// after its place.
///
/// ```
/// use tasks_web::{ApiKey, ApiKeys};
///
/// let keys = ApiKeys::new()
///     .key(ApiKey::new("dashboard", "correct-horse-battery"))
///     .from_env() // TASKS_API_KEYS=ops:…,nightly[etl]:…
///     .from_file("/run/secrets/api-keys");
/// # let _ = keys;
/// ```
#[derive(Clone, Debug)]
pub struct ApiKeys {
    keys: Vec<ApiKey>,
    sources: Vec<Source>,
    header: String,
}

#[derive(Clone, Debug)]
enum Source {
    Env(String),
    File(PathBuf),
}

impl Default for ApiKeys {
    fn default() -> Self {
        Self::new()
    }
}

impl ApiKeys {
    /// No keys yet. A service without any cannot be built: nobody could use it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            keys: Vec::new(),
            sources: Vec::new(),
            header: "X-API-Key".to_owned(),
        }
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: ApiKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Adds the keys in the environment variable `TASKS_API_KEYS`, separated by commas.
    #[must_use]
    pub fn from_env(self) -> Self {
        self.from_env_var("TASKS_API_KEYS")
    }

    /// Adds the keys in an environment variable, separated by commas.
    #[must_use]
    pub fn from_env_var(mut self, name: impl Into<String>) -> Self {
        self.sources.push(Source::Env(name.into()));
        self
    }

    /// Adds the keys in a file, one per line; empty lines and those that begin with `#` are ignored. The file is read again on
    /// SIGHUP, and by [`Service::reload_keys`](crate::Service::reload_keys).
    #[must_use]
    pub fn from_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::File(path.into()));
        self
    }

    /// The header that clients send their key in. Defaults to `X-API-Key`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = name.into();
        self
    }

    /// How the header is spelled.
    pub(super) fn spelled(&self) -> &str {
        &self.header
    }

    /// The keys as the sources have them now; `None` when something is wrong with one.
    pub(super) fn read(&self, problems: &mut Vec<String>) -> Option<KeyTable> {
        let before = problems.len();
        let mut keys: Vec<(String, ApiKey)> = self
            .keys
            .iter()
            .cloned()
            .map(|key| (format!("the API key `{}`", key.name.escape_debug()), key))
            .collect();
        for source in &self.sources {
            source.read(&mut keys, problems);
        }
        check(&keys, problems);
        if keys.is_empty() && problems.len() == before {
            problems.push(
                "`with_auth` was given no key, so nobody could use the service: add one with `ApiKeys::key`, or set \
                 TASKS_API_KEYS and say `from_env`"
                    .to_owned(),
            );
        }
        if problems.len() > before {
            return None;
        }
        let keys = keys.into_iter().map(|(_, key)| {
            let grant = KeyAccess::new(key.name, key.tags, key.read_only);
            (key.hash, Access::new(grant))
        });
        Some(keys.collect())
    }
}

/// Keys by their hashes, and what they allow.
pub(super) type KeyTable = Vec<([u8; 32], Access)>;

impl Source {
    fn read(&self, keys: &mut Vec<(String, ApiKey)>, problems: &mut Vec<String>) {
        let (place, text, separator) = match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(text) => (name.clone(), text, ','),
                Err(std::env::VarError::NotPresent) => {
                    return problems.push(format!(
                        "the environment variable `{name}` is to hold API keys, and is not set: set it, like `{name}=ops:…`"
                    ));
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    return problems.push(format!(
                        "the environment variable `{name}` holds API keys and is not UTF-8: use ASCII"
                    ));
                }
            },
            Self::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => (path.display().to_string(), text, '\n'),
                Err(error) => {
                    return problems.push(format!(
                        "the file of API keys `{}` cannot be read: {error}",
                        path.display()
                    ));
                }
            },
        };
        let entries = text.split(separator).map(str::trim).enumerate();
        for (index, entry) in
            entries.filter(|(_, entry)| !entry.is_empty() && !entry.starts_with('#'))
        {
            // Never by what is there: the secret may stand where the name should.
            let what = format!("the API key at place {} of `{place}`", index + 1);
            match key_syntax::read(entry, index + 1) {
                Ok(key) => keys.push((what, key)),
                Err(reason) => problems.push(format!("{what} {reason}")),
            }
        }
    }
}

/// Finds keys that are too weak or there twice.
fn check(keys: &[(String, ApiKey)], problems: &mut Vec<String>) {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut hashes: BTreeMap<[u8; 32], &str> = BTreeMap::new();
    for (what, key) in keys {
        if let Some(problem) = key.problem {
            problems.push(format!("{what} {problem}"));
        }
        if !key_syntax::is_name(&key.name) {
            problems.push(format!(
                "{what} has a name that is not 1 to 64 letters, digits, `.`, `_` and `-`: give it another"
            ));
        }
        if let Some(other) = names.insert(&key.name, what) {
            problems.push(format!("{what} has the name of {other}: give it another"));
        }
        if let Some(other) = hashes.insert(key.hash, what) {
            problems.push(format!("{what} is the same as {other}: remove one"));
        }
    }
}
