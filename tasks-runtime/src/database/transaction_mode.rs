//! What a transaction is for.

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransactionMode {
    /// It sees one moment, and cannot write.
    Read,
    Write,
    /// It writes, and what it has read stays true until it is kept.
    Serializable,
}
