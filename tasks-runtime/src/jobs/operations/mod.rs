//! Operations on many jobs: those that fit a filter are canceled, queued again or deleted, in the background and in batches.
//!
//! An operation is a row. Each batch is one transaction that locks the row, changes the next jobs by their ids, and notes how far it is: so one
//! process at a time works on an operation, and any other goes on with it when that one has ended.

mod batch;
mod record;
mod requests;
mod rows;

pub use self::record::{JobCount, JobOperation, OperationAction, OperationFilter, OperationState};
