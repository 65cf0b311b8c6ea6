//! Jobs as users have them: processes of their own, default settings, real signals, jobs that take as long as jobs do.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod blocked;
mod clock;
mod declared;
mod fleet;
mod keys;
mod locked;
mod operations;
mod priorities;
mod queues;
mod retention;
mod shutdown;
mod slow_link;
mod stopped;
mod versions;
