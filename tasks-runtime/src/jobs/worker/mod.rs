//! The part of a process that runs jobs: it takes them out of the database, runs them, and writes down how they ended.
//!
//! The driver has a thread of its own, and connections of its own where the database has several: tasks run on other threads, so
//! one that computes and never awaits cannot keep the process from its heartbeat.

mod aging;
mod attempt;
mod attempt_end;
mod attempt_result;
mod attempt_runner;
mod by_name;
mod capacity;
mod child_jobs;
mod claim;
mod claimed_job;
mod crash_limits;
mod dispatch;
mod drain;
mod driver;
mod due;
mod end_writer;
mod engine_run;
mod finish;
mod global_limits;
mod health_warnings;
mod held_back;
mod held_jobs;
mod in_flight;
mod last_done;
mod left_to_others;
mod lifecycle;
mod limited_claims;
mod limited_jobs;
mod limited_line;
mod listener;
mod maintenance;
mod membership;
mod nested_wait;
mod open_step;
mod read_job;
mod reap;
mod recovery;
mod registration;
mod retention;
mod return_jobs;
mod round;
mod round_budget;
mod runner;
mod running_step;
mod runtime_probe;
mod shared;
pub(super) mod spawned;
mod step_context;
mod step_journal;
mod step_waits;
mod step_writer;
mod suspension;
mod unserved;
mod unserved_watch;
mod worker_health;
mod write_limits;

#[cfg(feature = "metrics")]
pub(super) use self::attempt_end::AttemptOutcome;
pub use self::attempt_runner::AttemptRunner;
pub use self::child_jobs::ChildJob;
pub(super) use self::lifecycle::Worker;
pub(super) use self::membership::expire;
pub(super) use self::unserved_watch::look_without_worker;
pub(super) use self::worker_health::WorkerHealth;
