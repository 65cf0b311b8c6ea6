//! What became of jobs over time: figures of each minute, which outlive the process that counted them.
//!
//! Each process counts what it submits and runs in memory, and adds that to a table every some seconds. Nothing of this is in the transactions
//! that claim and finish jobs.

mod buckets;
mod figures;
mod levels;
mod measure;
mod query;
mod record;
mod series;
mod store;
mod writer;

pub(super) use self::figures::{Figures, Timing};
pub(super) use self::measure::Count;
pub use self::query::JobHistoryQuery;
pub use self::record::{JobHistory, JobHistoryPoint, JobLatency};
pub(super) use self::series::read;
pub(super) use self::writer::Writer;
