//! What an attempt waits for.

/// What an attempt waits for that is to be put off.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Suspension {
    /// The first of the times.
    pub(in crate::jobs) until: i64,
    pub(in crate::jobs) events: Vec<String>,
}
