//! Says of pending jobs why they do not run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Scheduler;
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::flow_control::{Room, TaskLimits, usage};
use crate::jobs::pending_code::PendingCode;
use crate::jobs::pending_reason::{
    Line, LiveWorker, OwnLimits, Pauses, PendingJob, QueueUse, of_global_limits, of_its_turn,
    without_its_turn,
};
use crate::jobs::record::{JobRecord, JobStatus};
use crate::jobs::store::{self, Pausable};

/// How many jobs before one are counted, where one job is read.
pub(super) const BEFORE_ONE: usize = 1000;
/// The same where a list is read.
pub(super) const BEFORE_EACH: usize = 100;

/// What limits over all processes leave, by queue and by task.
#[derive(Default)]
struct GlobalUses {
    queues: BTreeMap<String, QueueUse>,
    tasks: BTreeMap<String, Room>,
}

type Reasons = HashMap<String, (PendingCode, String)>;

impl Scheduler {
    /// Says of those that are pending why they do not run. Up to `most` jobs before each are counted.
    pub(super) async fn with_reasons(
        &self,
        mut jobs: Vec<JobRecord>,
        most: usize,
    ) -> Result<Vec<JobRecord>, JobError> {
        let pending = jobs.iter().filter(|job| job.status == JobStatus::Pending);
        let ids: Vec<String> = pending.map(|job| job.id.to_string()).collect();
        if ids.is_empty() {
            return Ok(jobs);
        }
        self.refresh_clock().await?;
        let mut reasons = self.reasons(&ids, most).await?;
        for job in &mut jobs {
            if job.status == JobStatus::Pending
                && let Some((code, words)) = reasons.remove(&job.id.to_string())
            {
                job.pending_code = Some(code);
                job.pending_reason = Some(words);
            }
        }
        Ok(jobs)
    }

    async fn reasons(&self, ids: &[String], most: usize) -> Result<Reasons, JobError> {
        let now = self.shared.clock.now();
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        self.shared
            .session
            .read(async |conn| {
                let jobs = store::pending_jobs(conn, ids).await?;
                let paused_queues = store::pauses(conn, Pausable::Queue).await?;
                let paused_tasks = store::pauses(conn, Pausable::Task).await?;
                let mut workers = store::live_workers(conn).await?;
                workers.extend(self.own_worker(&jobs));
                let mut reasons = Reasons::new();
                let mut waiting = Vec::new();
                for (id, job) in jobs {
                    let pauses = Pauses {
                        of_queue: paused_queues.get(&job.queue),
                        of_task: paused_tasks.get(&job.task),
                    };
                    match without_its_turn(&job, pauses, &workers, now) {
                        Some(reason) => _ = reasons.insert(id, reason),
                        None => waiting.push((id, job)),
                    }
                }
                let uses = self.global_uses(conn, &waiting, now).await?;
                let mut in_line = Vec::new();
                for (id, job) in waiting {
                    let of_queue = uses.queues.get(&job.queue);
                    let of_task = uses.tasks.get(&job.task);
                    match of_global_limits(&job, of_queue, of_task) {
                        Some(reason) => _ = reasons.insert(id, reason),
                        None => in_line.push((id, job)),
                    }
                }
                let mut fronts: BTreeMap<Line, Vec<String>> = BTreeMap::new();
                let lines: BTreeSet<Line> = in_line.iter().map(|(_, job)| job.line()).collect();
                for line in lines {
                    let front = store::front(conn, &line, limit).await?;
                    fronts.insert(line, front);
                }
                for (id, job) in in_line {
                    let front = fronts.get(&job.line());
                    let before = front.and_then(|front| front.iter().position(|one| *one == id));
                    // One that is due and not yet ready is behind those that are.
                    let before = match (before, front) {
                        (None, Some(front)) if front.len() <= most => Some(front.len()),
                        (before, _) => before,
                    };
                    let limits = self.own_limits(&job);
                    reasons.insert(id, of_its_turn(&job, &workers, limits, before, most));
                }
                Ok(reasons)
            })
            .await
    }

    /// What limits over all processes leave for these jobs, as this process has the limits.
    async fn global_uses(
        &self,
        conn: &mut Connection,
        jobs: &[(String, PendingJob)],
        now: i64,
    ) -> Result<GlobalUses, JobError> {
        let mut uses = GlobalUses::default();
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let executor = self.executor().ok();
        for (_, job) in jobs {
            let limits = self.settings().queue_limits.get(&job.queue).copied();
            if let Some(limits) = limits
                && !uses.queues.contains_key(&job.queue)
            {
                let running = usage::running_in_queue(conn, &job.queue).await?;
                let free_at = match limits.rate {
                    Some(rate) => usage::queue_starts(conn, &job.queue, rate, now)
                        .await?
                        .free_at(rate, now),
                    None => None,
                };
                let of_queue = QueueUse {
                    limits,
                    running,
                    free_at,
                };
                uses.queues.insert(job.queue.clone(), of_queue);
            }
            let entry = executor.as_ref();
            let entry = entry.and_then(|executor| executor.registry().get(&job.task).ok());
            let limits = entry.and_then(|entry| TaskLimits::of(&entry.policy()));
            if let (Some(limits), Some(key)) = (limits, &job.concurrency_key) {
                if !uses.tasks.contains_key(&job.task) {
                    let room = usage::room(conn, &job.task, limits, now).await?;
                    uses.tasks.insert(job.task.clone(), room);
                }
                keys.entry(job.task.clone())
                    .or_default()
                    .insert(key.clone());
            }
        }
        for (task, keys) in keys {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            if let Some(room) = uses.tasks.get_mut(&task) {
                usage::add_keys(conn, (&task, room), &keys, now).await?;
            }
        }
        Ok(uses)
    }

    /// The worker of this process, which may have no row yet, as far as these jobs are concerned.
    fn own_worker(&self, jobs: &HashMap<String, PendingJob>) -> Option<LiveWorker> {
        let mut own = LiveWorker::default();
        self.with_worker(|worker| {
            if worker.is_registered() {
                return;
            }
            for job in jobs.values() {
                if worker.has(&job.task) {
                    own.tasks.insert(job.task.clone());
                }
                if worker.serves(&job.queue) {
                    own.queues.insert(job.queue.clone());
                }
            }
        });
        (!own.tasks.is_empty()).then_some(own)
    }

    /// How many jobs like this one a worker runs at once, as this process has it.
    fn own_limits(&self, job: &PendingJob) -> OwnLimits {
        let settings = self.settings();
        let executor = self.executor().ok();
        let of_task = executor.and_then(|executor| {
            let task = executor.registry().get(&job.task).ok()?;
            usize::try_from(task.policy().max_concurrency?).ok()
        });
        OwnLimits {
            all: settings.max_concurrency,
            of_queue: settings.queues.get(&job.queue).copied(),
            of_task,
        }
    }
}
