//! Limits that hold over all processes: how many jobs of a task, of a queue or with the same key run at once, and how many attempts begin
//! in a period.
//!
//! A job of a task that has such a limit is claimed in a [line](super::state::ClaimLine) of its own. Who claims there [locks](usage::lock) the task
//! first, so that what it counts then stays true until its transaction ends. Nothing is counted beside the jobs themselves, but for the
//! starts that a rate limits.

mod burst;
mod key;
mod room;
mod task_limits;
pub(super) mod usage;

pub(super) use self::burst::{Burst, BurstKind};
pub(super) use self::key::{key_of, wrong_key};
pub(super) use self::room::{Room, Starts};
pub(super) use self::task_limits::{QueueLimits, TaskLimits};
