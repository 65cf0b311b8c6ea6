//! What a database is called outside of it, so that what was written elsewhere on its behalf can be told to be its own.
//!
//! The name is a random one, which the database keeps together with the place it is at. A copy, such as a dump that was loaded elsewhere or a
//! file that was copied, finds itself at another place than its record says, and takes a name of its own: what the database that it was
//! copied from still needs is not the copy's to delete.

/// The name of a database, and those of the databases that it is a copy of.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(super) own: String,
    /// Those that are not used any more: what they have written is this one's.
    pub(super) taken_over: Vec<String>,
    pub(super) former: Vec<String>,
}

impl Identity {
    /// 26 letters and digits.
    pub(crate) fn own(&self) -> &str {
        &self.own
    }

    /// All names of which nobody else has anything.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.own)
            .chain(&self.taken_over)
            .map(String::as_str)
    }

    /// Whether a name is one of a database that this is a copy of, and that may still be used.
    pub(crate) fn was(&self, name: &str) -> bool {
        self.former.iter().any(|former| former == name)
    }

    /// Whether this is no copy of another one that may still be used.
    pub(crate) fn is_original(&self) -> bool {
        self.former.is_empty()
    }
}
