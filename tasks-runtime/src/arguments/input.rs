//! What arguments are read from.

/// A text that arguments are read from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input<'a> {
    /// A request body, `{"params": {…}}` in one of its spellings, whose other members somebody else reads.
    #[cfg_attr(
        not(feature = "database"),
        allow(dead_code, reason = "submissions of jobs have options beside `params`")
    )]
    Body(&'a [u8]),
    /// A request body that may hold nothing but `params`.
    OnlyParams(&'a [u8]),
    /// The parameters alone.
    Params(&'a str),
}
