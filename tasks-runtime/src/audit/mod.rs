//! The audit log: who has changed what, and when.

mod entry;
mod log;
mod rows;

pub use entry::{AuditEntry, AuditFilter, AuditId, NewAuditEntry};
pub use log::AuditLog;
