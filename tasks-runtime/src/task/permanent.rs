//! An error that another attempt would not mend.

use std::error::Error;
use std::fmt;

/// Wraps an error that another attempt would not mend: a job that fails with it is not retried.
///
/// It may be anywhere in the chain of causes, and shows and hides nothing of the error inside.
///
/// ```
/// use tasks_runtime::prelude::*;
/// use tasks_runtime::Permanent;
///
/// #[task]
/// async fn charge(card: String) -> anyhow::Result<()> {
///     if card.is_empty() {
///         return Err(Permanent::msg("the card has no number").into());
///     }
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Permanent(Box<dyn Error + Send + Sync>);

impl Permanent {
    /// Wraps an error.
    #[must_use]
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    /// An error that is only a message.
    #[must_use]
    pub fn msg(message: impl fmt::Display) -> Self {
        Self(message.to_string().into())
    }

    /// The error inside.
    pub(super) fn inner(&self) -> &(dyn Error + 'static) {
        self.0.as_ref()
    }
}

impl fmt::Display for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Permanent {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
