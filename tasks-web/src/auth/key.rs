//! A key.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A shorter key could be guessed.
const MIN_LENGTH: usize = 16;

/// A key. What is kept of its secret is the SHA-256.
///
/// ```
/// use tasks_web::ApiKey;
///
/// let key = ApiKey::new("nightly-import", "correct-horse-battery").tags(["etl"]);
/// assert_eq!(format!("{key:?}"), r#"ApiKey { name: "nightly-import", secret: "***", tags: Some(["etl"]), read_only: false }"#);
/// ```
#[derive(Clone)]
pub struct ApiKey {
    pub(super) name: String,
    pub(super) hash: [u8; 32],
    pub(super) tags: Option<Vec<String>>,
    pub(super) read_only: bool,
    pub(super) problem: Option<&'static str>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("name", &self.name)
            .field("secret", &"***")
            .field("tags", &self.tags)
            .field("read_only", &self.read_only)
            .finish()
    }
}

impl ApiKey {
    /// A key by its name, which is shown in logs, and its secret, which clients send: at least 16 visible ASCII
    /// characters. Both are checked when the service is built.
    #[must_use]
    pub fn new(name: impl Into<String>, secret: impl AsRef<str>) -> Self {
        let secret = secret.as_ref();
        let problem = if secret.len() < MIN_LENGTH {
            Some("is shorter than 16 characters, so it could be guessed: take a longer one")
        } else if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            Some("has characters that a header cannot carry: use visible ASCII characters")
        } else {
            None
        };
        Self {
            name: name.into(),
            hash: Sha256::digest(secret.as_bytes()).into(),
            tags: None,
            read_only: false,
            problem,
        }
    }

    /// Limits the key to tasks that carry at least one of these tags. No tags given: no task.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        let mut tags: Vec<String> = tags.into_iter().map(Into::into).collect();
        tags.sort_unstable();
        tags.dedup();
        self.tags = Some(tags);
        self
    }

    /// Lets the key look, and change nothing: all requests but `GET`, `HEAD` and `$validate` are answered 403, those to routes of the
    /// application's own among them. Defaults to off.
    ///
    /// ```
    /// use tasks_web::ApiKey;
    ///
    /// let key = ApiKey::new("wall-display", "correct-horse-battery").read_only();
    /// # let _ = key;
    /// ```
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }
}
