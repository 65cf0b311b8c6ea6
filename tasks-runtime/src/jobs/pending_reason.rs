//! Why a pending job does not run: the rules, apart from how their facts are read.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};

use super::flow_control::{QueueLimits, Room};
use super::id::JobId;
use super::pause::Pause;
use super::pending_code::PendingCode;
use super::state::is_quarantined;

/// A pending job, as its row has it.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct PendingJob {
    pub(in crate::jobs) task: String,
    pub(in crate::jobs) queue: String,
    /// Whether a worker has made it ready.
    pub(in crate::jobs) is_ready: bool,
    pub(in crate::jobs) run_at: i64,
    pub(in crate::jobs) attempt: i32,
    pub(in crate::jobs) crashes: i32,
    pub(in crate::jobs) by_name: bool,
    /// Of a task that has limits over all processes.
    pub(in crate::jobs) concurrency_key: Option<String>,
    /// What its code waits for.
    pub(in crate::jobs) wait: Option<StepWait>,
}

/// What the code of a job waits for.
#[derive(Clone, Debug)]
pub(in crate::jobs) enum StepWait {
    Time,
    Event(String),
    /// For the end of a job that it has submitted.
    Child(JobId),
}

impl PendingJob {
    /// The order of claims that it waits in: with all others of its queue, with those of its task, with those of its key, or with those
    /// that run alone.
    pub(in crate::jobs) fn line(&self) -> Line {
        let kind = if is_quarantined(self.crashes) {
            LineKind::Quarantined
        } else if let Some(key) = &self.concurrency_key {
            LineKind::OfKey {
                task: self.task.clone(),
                key: key.clone(),
            }
        } else if self.by_name {
            LineKind::OfTask(self.task.clone())
        } else {
            LineKind::Shared
        };
        Line {
            queue: self.queue.clone(),
            kind,
        }
    }
}

/// Jobs that are claimed in one order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::jobs) struct Line {
    pub(in crate::jobs) queue: String,
    pub(in crate::jobs) kind: LineKind,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::jobs) enum LineKind {
    Shared,
    OfTask(String),
    OfKey { task: String, key: String },
    Quarantined,
}

/// A worker that lives.
#[derive(Clone, Debug, Default)]
pub(in crate::jobs) struct LiveWorker {
    pub(in crate::jobs) tasks: BTreeSet<String>,
    pub(in crate::jobs) queues: BTreeSet<String>,
    pub(in crate::jobs) running: Vec<RunningJobs>,
}

/// Jobs of one kind that it runs.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct RunningJobs {
    pub(in crate::jobs) task: Option<String>,
    pub(in crate::jobs) queue: String,
    pub(in crate::jobs) crashes: i32,
    pub(in crate::jobs) count: usize,
}

/// How many jobs a worker runs at once, as this process has it.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) struct OwnLimits {
    pub(in crate::jobs) all: usize,
    pub(in crate::jobs) of_queue: Option<usize>,
    pub(in crate::jobs) of_task: Option<usize>,
}

/// What is paused of a job.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::jobs) struct Pauses<'a> {
    pub(in crate::jobs) of_queue: Option<&'a Pause>,
    pub(in crate::jobs) of_task: Option<&'a Pause>,
}

fn shown(micros: i64) -> String {
    let at = DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The reason, where it is that of a time, of a pause, or of workers that there are not: how many jobs are before it does not matter then.
pub(in crate::jobs) fn without_its_turn(
    job: &PendingJob,
    pauses: Pauses<'_>,
    workers: &[LiveWorker],
    now: i64,
) -> Option<(PendingCode, String)> {
    let PendingJob { task, queue, .. } = job;
    if !job.is_ready && job.run_at > now {
        let at = shown(job.run_at);
        match &job.wait {
            None => {}
            Some(StepWait::Time) => {
                return Some((PendingCode::Sleeping, format!("it sleeps until {at}")));
            }
            Some(StepWait::Event(event)) => {
                let words = format!("it waits for the event `{event}`, until {at} at most");
                return Some((PendingCode::WaitingForEvent, words));
            }
            Some(StepWait::Child(child)) => {
                let words = format!("it waits for the end of job {child}, which it has submitted");
                return Some((PendingCode::WaitingForChild, words));
            }
        }
        return Some(if job.attempt > 0 {
            let words = format!(
                "attempt {} has failed, and the next one begins at {at} at the earliest",
                job.attempt
            );
            (PendingCode::Retry, words)
        } else {
            (
                PendingCode::Scheduled,
                format!("it is not to begin before {at}"),
            )
        });
    }
    let paused = |pause: &Pause| {
        let since = pause.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let by = pause.by.as_ref();
        let by = by.map(|by| format!(" by `{by}`")).unwrap_or_default();
        let why = pause.reason.as_ref();
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        format!("is paused since {since}{by}{why}")
    };
    if let Some(pause) = pauses.of_queue {
        let words = format!("the queue `{queue}` {}", paused(pause));
        return Some((PendingCode::QueuePaused, words));
    }
    if let Some(pause) = pauses.of_task {
        let words = format!("the task `{task}` {}", paused(pause));
        return Some((PendingCode::TaskPaused, words));
    }
    let has = |worker: &&LiveWorker| worker.tasks.contains(task);
    let serves = |worker: &LiveWorker| worker.queues.contains(queue);
    if !workers.iter().any(|worker| has(&worker)) {
        return Some((
            PendingCode::NoWorkerForTask,
            "no worker has this task".to_owned(),
        ));
    }
    if !workers.iter().any(serves) {
        return Some((
            PendingCode::NoWorkerForQueue,
            "no worker serves this queue".to_owned(),
        ));
    }
    if !workers.iter().filter(has).any(serves) {
        let words = format!("no worker that has the task `{task}` serves the queue `{queue}`");
        return Some((PendingCode::NoWorkerForBoth, words));
    }
    None
}

/// What the limits of a queue over all processes leave.
#[derive(Clone, Debug, Default)]
pub(in crate::jobs) struct QueueUse {
    pub(in crate::jobs) limits: QueueLimits,
    pub(in crate::jobs) running: usize,
    /// When the rate lets the next attempt begin, where none may now.
    pub(in crate::jobs) free_at: Option<i64>,
}

/// The reason, where it is a limit over all processes.
pub(in crate::jobs) fn of_global_limits(
    job: &PendingJob,
    of_queue: Option<&QueueUse>,
    of_task: Option<&Room>,
) -> Option<(PendingCode, String)> {
    let reached = |most: Option<u32>, running: usize| {
        let most = usize::try_from(most?).unwrap_or(usize::MAX);
        (running >= most).then(|| match running {
            1 => "1 job".to_owned(),
            count => format!("{count} jobs"),
        })
    };
    let begins = |at| format!("the next attempt begins at {} at the earliest", shown(at));
    if let Some(QueueUse {
        limits,
        running,
        free_at,
    }) = of_queue
    {
        if let Some(running) = reached(limits.concurrency, *running) {
            let words = format!(
                "the limit of the queue `{}` is reached: {running} of it in all processes, and no more at once",
                job.queue
            );
            return Some((PendingCode::QueueLimit, words));
        }
        if let Some(at) = free_at {
            let words = format!(
                "the rate of the queue `{}` is reached: {}",
                job.queue,
                begins(*at)
            );
            return Some((PendingCode::RateLimit, words));
        }
    }
    let room = of_task?;
    let key = job.concurrency_key.as_deref()?;
    let limits = room.limits();
    if let Some(running) = reached(limits.concurrency, room.running_in_all()) {
        let words = format!(
            "the limit of the task `{}` is reached: {running} of it in all processes, and no more at once",
            job.task
        );
        return Some((PendingCode::TaskLimit, words));
    }
    if let Some(running) = reached(limits.concurrency_per_key, room.running(key)) {
        let words = format!(
            "the limit of its key `{key}` is reached: {running} of the task `{}` with this key in all processes, and no more at once",
            job.task
        );
        return Some((PendingCode::KeyLimit, words));
    }
    if let Some(at) = room.task_free_at() {
        let words = format!(
            "the rate of the task `{}` is reached: {}",
            job.task,
            begins(at)
        );
        return Some((PendingCode::RateLimit, words));
    }
    let at = room.key_free_at(key)?;
    let words = format!("the rate of its key `{key}` is reached: {}", begins(at));
    Some((PendingCode::RateLimit, words))
}

/// The reason of a job that could begin, with how many jobs are before it; `None` when these are more than `most`.
pub(in crate::jobs) fn of_its_turn(
    job: &PendingJob,
    workers: &[LiveWorker],
    limits: OwnLimits,
    before: Option<usize>,
    most: usize,
) -> (PendingCode, String) {
    let able: Vec<&LiveWorker> = workers
        .iter()
        .filter(|worker| worker.tasks.contains(&job.task) && worker.queues.contains(&job.queue))
        .collect();
    let all_run = |limit: usize, counts: &dyn Fn(&RunningJobs) -> bool| {
        let running = |worker: &&LiveWorker| -> usize {
            let counted = worker.running.iter().filter(|one| counts(one));
            counted.map(|one| one.count).sum()
        };
        able.iter().all(|worker| running(worker) >= limit)
    };
    let workers = match able.len() {
        1 => "the only worker for it runs".to_owned(),
        count => format!("each of the {count} workers for it runs"),
    };
    if let Some(limit) = limits.of_task
        && all_run(limit, &|one| one.task.as_ref() == Some(&job.task))
    {
        let words = format!(
            "the limit of the task `{}` is reached: {workers} {limit} of its jobs, and no more at once",
            job.task
        );
        return (PendingCode::TaskLimit, words);
    }
    if let Some(limit) = limits.of_queue
        && all_run(limit, &|one| one.queue == job.queue)
    {
        let words = format!(
            "the limit of the queue `{}` is reached: {workers} {limit} of its jobs, and no more at once",
            job.queue
        );
        return (PendingCode::QueueLimit, words);
    }
    if is_quarantined(job.crashes) && all_run(1, &|one| is_quarantined(one.crashes)) {
        let words = format!(
            "its process died {} times while it ran, so it is run apart from others like that: {workers} one of these",
            job.crashes
        );
        return (PendingCode::Quarantine, words);
    }
    let of_its_key = (job.concurrency_key.as_ref()).is_some_and(|key| !key.is_empty());
    let before = match before {
        Some(0) if of_its_key && all_run(limits.all, &|_| true) => {
            let words =
                "the workers are busy, and it is the next one with its key: keys take turns";
            return (PendingCode::WorkersBusy, words.to_owned());
        }
        Some(0) => {
            let words = if all_run(limits.all, &|_| true) {
                "it is next: it begins as soon as a worker has a place free"
            } else {
                "it is next: a worker is about to begin it"
            };
            return (PendingCode::Next, words.to_owned());
        }
        Some(1) => "1 job is".to_owned(),
        Some(count) => format!("{count} jobs are"),
        None => format!("more than {most} jobs are"),
    };
    (
        PendingCode::WorkersBusy,
        if of_its_key {
            format!(
                "the workers are busy, and {before} before it with the same key: keys take turns"
            )
        } else {
            format!("the workers are busy, and {before} before it")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> PendingJob {
        PendingJob {
            task: "greet".to_owned(),
            queue: "mail".to_owned(),
            is_ready: true,
            run_at: 1_000_000,
            attempt: 0,
            crashes: 0,
            by_name: false,
            concurrency_key: None,
            wait: None,
        }
    }

    fn worker(task: &str, queue: &str, running: usize) -> LiveWorker {
        let jobs = RunningJobs {
            task: Some("greet".to_owned()),
            queue: "mail".to_owned(),
            crashes: 0,
            count: running,
        };
        LiveWorker {
            tasks: [task.to_owned()].into(),
            queues: [queue.to_owned()].into(),
            running: vec![jobs],
        }
    }

    const FREE: OwnLimits = OwnLimits {
        all: 2,
        of_queue: None,
        of_task: None,
    };

    fn reason(
        job: &PendingJob,
        workers: &[LiveWorker],
        limits: OwnLimits,
    ) -> (PendingCode, String) {
        without_its_turn(job, Pauses::default(), workers, 1_000_000)
            .unwrap_or_else(|| of_its_turn(job, workers, limits, Some(0), 10))
    }

    #[test]
    fn a_time_comes_before_all_else() {
        let later = PendingJob {
            is_ready: false,
            run_at: 2_000_000,
            ..job()
        };
        let (code, words) = reason(&later, &[], FREE);
        assert_eq!(code, PendingCode::Scheduled);
        assert_eq!(words, "it is not to begin before 1970-01-01T00:00:02Z");
        let again = PendingJob {
            attempt: 2,
            ..later
        };
        let (code, words) = reason(&again, &[], FREE);
        assert_eq!(code, PendingCode::Retry);
        assert!(words.starts_with("attempt 2 has failed"), "{words}");
        // Its time has come, and nobody has made it ready yet.
        let due = PendingJob {
            run_at: 1_000_000,
            ..again
        };
        assert_eq!(reason(&due, &[], FREE).0, PendingCode::NoWorkerForTask);
    }

    #[test]
    fn workers_are_missing_in_three_ways() {
        let mut workers = vec![worker("other", "mail", 0)];
        assert_eq!(
            reason(&job(), &workers, FREE).0,
            PendingCode::NoWorkerForTask
        );
        workers = vec![worker("greet", "other", 0)];
        assert_eq!(
            reason(&job(), &workers, FREE).0,
            PendingCode::NoWorkerForQueue
        );
        workers.push(worker("other", "mail", 0));
        assert_eq!(
            reason(&job(), &workers, FREE).0,
            PendingCode::NoWorkerForBoth
        );
        workers.push(worker("greet", "mail", 0));
        assert_eq!(reason(&job(), &workers, FREE).0, PendingCode::Next);
    }

    #[test]
    fn a_limit_counts_when_all_workers_have_reached_it() {
        let of_task = OwnLimits {
            of_task: Some(1),
            ..FREE
        };
        let of_queue = OwnLimits {
            of_queue: Some(1),
            ..FREE
        };
        let full = [worker("greet", "mail", 1), worker("greet", "mail", 1)];
        assert_eq!(reason(&job(), &full, of_task).0, PendingCode::TaskLimit);
        assert_eq!(reason(&job(), &full, of_queue).0, PendingCode::QueueLimit);
        let free = [worker("greet", "mail", 1), worker("greet", "mail", 0)];
        assert_eq!(reason(&job(), &free, of_task).0, PendingCode::Next);
        assert_eq!(reason(&job(), &free, of_queue).0, PendingCode::Next);
    }

    #[test]
    fn jobs_before_it_are_counted_up_to_a_limit() {
        let workers = [worker("greet", "mail", 2)];
        let words = |before| of_its_turn(&job(), &workers, FREE, before, 10).1;
        assert_eq!(
            words(Some(1)),
            "the workers are busy, and 1 job is before it"
        );
        assert_eq!(
            words(Some(7)),
            "the workers are busy, and 7 jobs are before it"
        );
        assert_eq!(
            words(None),
            "the workers are busy, and more than 10 jobs are before it"
        );
    }

    #[test]
    fn one_that_may_kill_its_process_waits_for_others_like_it() {
        let suspect = PendingJob {
            crashes: 2,
            ..job()
        };
        let mut busy = worker("greet", "mail", 1);
        assert_eq!(reason(&suspect, &[busy.clone()], FREE).0, PendingCode::Next);
        busy.running.iter_mut().for_each(|one| one.crashes = 3);
        assert_eq!(reason(&suspect, &[busy], FREE).0, PendingCode::Quarantine);
        assert_eq!(suspect.line().kind, LineKind::Quarantined);
    }
}
