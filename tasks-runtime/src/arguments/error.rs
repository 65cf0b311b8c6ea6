//! What is wrong with arguments.

use std::error::Error;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::ArgumentErrorCode;
use crate::nearest::nearest;
use crate::pointer::escape;

/// How many errors one answer lists.
pub(crate) const MAX_ERRORS: usize = 100;
/// How many characters of a detail are kept: it may quote the client's value.
const MAX_DETAIL: usize = 300;

/// One thing that is wrong with the arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ArgumentError {
    /// Where: a JSON Pointer (RFC 6901) into the request body, such as `/params/user/age`.
    pub pointer: String,
    /// What kind of thing: the rule that is broken.
    #[serde(default)]
    pub code: ArgumentErrorCode,
    /// What, in words.
    pub detail: String,
}

impl ArgumentError {
    /// What is wrong, and where: `pointer` is a JSON pointer (RFC 6901) into the request body, and empty for the whole.
    /// Its code is `invalid`.
    #[must_use]
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code: ArgumentErrorCode::Invalid,
            detail: detail.into(),
        }
    }

    /// What is wrong with the parameter that clients call `name`. Its code is `invalid`.
    ///
    /// ```
    /// use tasks_runtime::ArgumentError;
    ///
    /// let error = ArgumentError::of_parameter("until", "is before `from`");
    /// assert_eq!(error.pointer, "/params/until");
    /// ```
    #[must_use]
    pub fn of_parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::new(format!("/params/{}", escape(name)), detail)
    }

    /// The same about a member or an item of what it was about: `key` is the name of the member, or the index of the item.
    ///
    /// ```
    /// use tasks_runtime::ArgumentError;
    ///
    /// let error = ArgumentError::of_parameter("lines", "has no price").at(2).at("price");
    /// assert_eq!(error.pointer, "/params/lines/2/price");
    /// ```
    #[must_use]
    pub fn at(mut self, key: impl fmt::Display) -> Self {
        self.pointer.push('/');
        self.pointer.push_str(&escape(&key.to_string()));
        self
    }

    /// The same with another code: one of the framework's, or one of your own, by its name.
    ///
    /// ```
    /// use tasks_runtime::{ArgumentError, ArgumentErrorCode};
    ///
    /// let error = ArgumentError::new("/run_at", "in the past").with_code(ArgumentErrorCode::Range);
    /// assert_eq!(error.code.as_str(), "range");
    /// let error = error.with_code("too_late");
    /// assert_eq!(error.code.as_str(), "too_late");
    /// ```
    #[must_use]
    pub fn with_code(mut self, code: impl Into<ArgumentErrorCode>) -> Self {
        self.code = code.into();
        self
    }
}

/// Why arguments were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidArguments {
    /// The text is not JSON, or not UTF-8.
    Malformed {
        /// What and where.
        detail: String,
    },
    /// It is JSON, and does not fit the task's parameters.
    Mismatch(Vec<ArgumentError>),
}

impl fmt::Display for InvalidArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { detail } => write!(f, "malformed JSON: {detail}"),
            Self::Mismatch(errors) => {
                for (index, error) in errors.iter().enumerate() {
                    let gap = if index > 0 { "; " } else { "" };
                    let pointer = if error.pointer.is_empty() {
                        "the body"
                    } else {
                        &error.pointer
                    };
                    write!(f, "{gap}{pointer}: {}", error.detail)?;
                }
                Ok(())
            }
        }
    }
}

impl Error for InvalidArguments {}

impl InvalidArguments {
    pub(crate) fn malformed(detail: impl fmt::Display) -> Self {
        Self::Malformed {
            detail: shorten(detail.to_string()),
        }
    }

    pub(crate) fn one(pointer: &str, code: ArgumentErrorCode, detail: impl Into<String>) -> Self {
        Self::Mismatch(vec![ArgumentError::new(pointer, detail).with_code(code)])
    }
}

/// Collects the errors of one request, up to a limit.
#[derive(Default)]
pub(crate) struct Errors {
    list: Vec<ArgumentError>,
    more: usize,
}

impl Errors {
    /// Adds an error about `path` below the parameter `key`.
    pub(crate) fn push(
        &mut self,
        key: &str,
        path: &str,
        code: ArgumentErrorCode,
        detail: impl FnOnce() -> String,
    ) {
        let pointer = || format!("/params/{}{path}", escape(key));
        self.push_to(pointer, code, detail);
    }

    /// Adds an error about a path below the parameters.
    pub(crate) fn push_below(
        &mut self,
        path: &str,
        code: ArgumentErrorCode,
        detail: impl FnOnce() -> String,
    ) {
        self.push_to(|| format!("/params{path}"), code, detail);
    }

    /// Adds an error about a member of the body that is not `params`.
    pub(crate) fn push_beside(
        &mut self,
        key: &str,
        code: ArgumentErrorCode,
        detail: impl FnOnce() -> String,
    ) {
        self.push_to(|| format!("/{}", escape(key)), code, detail);
    }

    /// Whether there is one about a path below the parameters.
    pub(crate) fn has(&self, path: &str) -> bool {
        let pointer = format!("/params{path}");
        self.list.iter().any(|error| error.pointer == pointer)
    }

    fn push_to(
        &mut self,
        pointer: impl FnOnce() -> String,
        code: ArgumentErrorCode,
        detail: impl FnOnce() -> String,
    ) {
        // Words cost time, and a hostile body could ask for many.
        if self.list.len() == MAX_ERRORS {
            self.more += 1;
            return;
        }
        self.list.push(ArgumentError {
            pointer: shorten(pointer()),
            code,
            detail: shorten(detail()),
        });
    }

    pub(crate) fn finish(mut self) -> Result<(), InvalidArguments> {
        if self.list.is_empty() {
            return Ok(());
        }
        if self.more > 0 {
            // In the place of the last one, which it counts. Not everything was looked for any more.
            self.list.pop();
            self.list.push(ArgumentError {
                pointer: "/params".to_owned(),
                code: ArgumentErrorCode::TooMany,
                detail: format!("and {} more errors, at least", self.more + 1),
            });
        }
        Err(InvalidArguments::Mismatch(self.list))
    }
}

/// What to say about a key that is no parameter.
pub(crate) fn unknown_key<'a>(key: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if known.clone().next().is_none() {
        return "unknown parameter: this task takes none".to_owned();
    }
    if let Some(close) = nearest(key, known.clone(), 1).first() {
        return format!("unknown parameter, did you mean `{close}`?");
    }
    let names: Vec<String> = known.map(|name| format!("`{name}`")).collect();
    format!("unknown parameter, expected one of {}", names.join(", "))
}

fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_DETAIL) {
        text.truncate(end);
        text.push('…');
    }
    text
}
