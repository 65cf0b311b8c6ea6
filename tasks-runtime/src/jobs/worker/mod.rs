//! The part of a process that runs jobs: it takes them out of the database, runs them, and writes down how they ended.
//!
//! The driver has a thread of its own, and connections of its own where the database has several: tasks run on other threads, so
//! one that computes and never awaits cannot keep the process from its heartbeat.

mod aging;
mod attempt;
mod attempts;
mod called;
mod claim;
pub(super) mod closure;
mod condition;
mod drain;
mod driver;
mod finish;
mod membership;
mod offers;
mod places;
mod responsiveness;
mod retention;
mod round;
mod runner;
mod running;
mod shared;
mod unknown;
mod waiting;
mod wakeup;
mod watch;
mod whole;

pub use self::attempts::Attempts;
pub(super) use self::membership::without_worker;
pub(super) use self::whole::Worker;
