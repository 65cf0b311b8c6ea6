//! The chain of causes of an error.

use std::error::Error;
use std::iter::successors;

/// More than any chain has: `source` is code of the application's, and may lead back to where it began.
pub(crate) const MAX_CAUSES: usize = 128;

/// What an error says was its cause, and the cause of that.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(error.source(), |cause: &&'a (dyn Error + 'static)| {
        (*cause).source()
    })
    .take(MAX_CAUSES)
}
