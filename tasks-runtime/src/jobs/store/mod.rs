//! The records of jobs, one by one.

mod attempts;
mod bursts;
mod child_waits;
mod delete;
mod events;
mod failures;
mod fork;
mod insert;
mod lineage;
mod logs;
mod pauses;
mod pending;
mod queues;
mod read;
mod search;
mod steps;
mod update;
mod workers;

pub(super) use self::attempts::{
    AttemptRow, FailedAttempt, LatestAttempt, add_attempts, attempts, find_latest_attempt,
};
pub(super) use self::bursts::{join_burst, prune_bursts, replace_job, take_burst_over};
pub(super) use self::child_waits::{ChildWaits, child_waits, forget_child_waits, wake_parents};
pub(super) use self::delete::{any_marked, delete, delete_ended, delete_marked, prune};
pub(super) use self::events::{
    add_event, event_count, event_names, has_event, lock_receiver, take_event, wake_by_event,
    wake_by_events,
};
pub(super) use self::failures::{FailureRow, failure_message, failures};
pub(super) use self::fork::{copy_steps, fixed_columns, has_step};
#[cfg(feature = "postgres")]
pub(super) use self::insert::CHANNEL;
pub(super) use self::insert::{
    find_by_key, find_by_unique_key, find_duplicate, find_unique, give_up_key, insert, notify,
};
pub(super) use self::lineage::{add_origins, lineage, rerun_of};
pub(super) use self::logs::{LogLine, MAX_LOG_LINES, log, logs};
pub(super) use self::pauses::{
    IS_ANY_PAUSED, Pausable, PausedNames, pause, paused_names, pauses, resume,
};
pub(super) use self::pending::{front, live_workers, pending_jobs};
pub(super) use self::queues::queue_counts;
#[cfg(feature = "metrics")]
pub(super) use self::read::pending_by_queue;
pub(super) use self::read::{
    count, count_up_to, find, find_result, list, lock_matching, newest_id, newest_submitted_at,
    result_size, stats,
};
pub(super) use self::steps::{
    StepRow, StoredStep, put_steps, steps, stored_step, stored_steps, version_of_steps,
};
pub(super) use self::update::{cancel, cancel_all, cancel_waiting, progress, retry};
pub(super) use self::workers::workers;
