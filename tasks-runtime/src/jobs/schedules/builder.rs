//! A schedule as it is made.

use std::future::IntoFuture;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use super::record::ScheduleRecord;
use super::recurrence::Recurrence;
use super::row::{ScheduleRow, UpsertedSchedule, set_paused, upsert};
use crate::jobs::checked_call::CheckedCall;
use crate::jobs::error::JobError;
use crate::jobs::options::SubmitOptions;
use crate::jobs::scheduler::Scheduler;
use crate::name::{SHORT_NAME, is_short_name};

/// A schedule that is about to be stored: say when it runs, and `.await` it.
#[must_use = "nothing is stored before it is awaited"]
#[derive(Debug)]
pub struct Schedule {
    scheduler: Scheduler,
    name: String,
    call: Result<CheckedCall, JobError>,
    options: SubmitOptions,
    when: Option<When>,
    timezone: String,
    paused: Option<bool>,
    only_if_absent: bool,
}

/// What storing a schedule came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredSchedule {
    /// The schedule.
    pub schedule: ScheduleRecord,
    /// Whether there was none of its name before.
    pub created: bool,
}

#[derive(Debug)]
enum When {
    Cron(String),
    Every(Duration),
    Once(SystemTime),
}

impl Schedule {
    pub(in crate::jobs) fn new(
        scheduler: Scheduler,
        name: String,
        call: Result<CheckedCall, JobError>,
    ) -> Self {
        Self {
            scheduler,
            name,
            call,
            options: SubmitOptions::default(),
            when: None,
            timezone: "UTC".to_owned(),
            paused: None,
            only_if_absent: false,
        }
    }

    /// By a pattern of cron: minute, hour, day of the month, month, day of the week, as in `30 2 * * 1-5`. With six fields, the first is
    /// the second, as in `*/10 * * * * *`; with seven, the last is the year, as in `0 0 12 1 1 * 2030`. `@yearly`, `@monthly`, `@weekly`,
    /// `@daily` and `@hourly` are patterns, too. One that is wrong, or that never comes, is an error that names the field, its value and
    /// what it may be.
    ///
    /// A pattern that names minutes and hours, without `*` and `/` in them, runs once at each of them: of a local time that is left out in
    /// spring, when the gap ends; of one that comes twice in autumn, the first time. Any other pattern follows elapsed time: it does not
    /// run in an hour that is left out, and twice as often in one that comes twice (`cron(8)` has these rules).
    pub fn cron(mut self, pattern: impl Into<String>) -> Self {
        self.when = Some(When::Cron(pattern.into()));
        self
    }

    /// The time zone of the pattern, by its name in the IANA database: `Europe/Berlin`. Defaults to UTC.
    pub fn timezone(mut self, name: impl Into<String>) -> Self {
        self.timezone = name.into();
        self
    }

    /// With so much time between two runs, a second at least.
    pub fn every(mut self, interval: Duration) -> Self {
        self.when = Some(When::Every(interval));
        self
    }

    /// Once, at a time.
    pub fn once(mut self, at: SystemTime) -> Self {
        self.when = Some(When::Once(at));
        self
    }

    /// What it is about: up to 4,096 characters, none of them U+0000, which its jobs have as well.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.options.description = Some(text.into());
        self
    }

    /// The queue its jobs wait in, in place of the task's own.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.options.queue = Some(queue.into());
        self
    }

    /// The priority of its jobs, in place of the task's own.
    pub fn priority(mut self, priority: i32) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// How many attempts its jobs may have, in place of those of the task: 1 is no retry.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.max_attempts = Some(attempts);
        self
    }

    /// How long an attempt may take, in place of the task's own timeout.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Whether the schedule is paused. Defaults to `false` for a new schedule; an existing one keeps its state.
    pub fn paused(mut self, paused: bool) -> Self {
        self.paused = Some(paused);
        self
    }

    /// Stores it only if there is no schedule of its name; else nothing is changed, and the error is [`JobError::ScheduleExists`].
    pub fn only_if_absent(mut self) -> Self {
        self.only_if_absent = true;
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The row, if all is well, and whether it is to rest.
    pub(super) fn row(self) -> Result<(ScheduleRow, Option<bool>), JobError> {
        let mut options = self.options;
        let mut wrong = options.check(|| self.scheduler.queue_names());
        if !is_short_name(&self.name) {
            wrong.push("/name", format!("is not {SHORT_NAME}"));
        }
        // `UTC` is what a record of any schedule says.
        if !matches!(self.when, Some(When::Cron(_))) && self.timezone != "UTC" {
            wrong.push(
                "/timezone",
                "goes with a pattern of cron only: leave it out",
            );
        }
        let recurrence = match self.when {
            Some(When::Cron(pattern)) => Some(Recurrence::cron(&pattern, &self.timezone)),
            Some(When::Every(interval)) => Some(Recurrence::every(interval)),
            Some(When::Once(at)) => Some(Recurrence::once(at)),
            None => None,
        };
        let recurrence = match recurrence {
            Some(recurrence) => wrong.take(recurrence)?,
            None => {
                wrong.push(
                    "/cron",
                    "is missing: a schedule needs a pattern, an interval or a time",
                );
                None
            }
        };
        let call = wrong.finish(self.call)?;
        let Some(recurrence) = recurrence else {
            // It was said why, and that is an error.
            return Err(JobError::option("/cron", "cannot be read"));
        };
        let now = self.scheduler.clock().now();
        let (cron, timezone, interval_us, once_at) = recurrence.columns();
        let new = ScheduleRow {
            name: self.name,
            task_name: call.task,
            params: call.params,
            timeout_ms: options.timeout_ms(),
            description: options.description,
            cron: cron.map(str::to_owned),
            timezone: timezone.to_owned(),
            interval_us,
            once_at,
            paused: i32::from(self.paused.unwrap_or_default()),
            created_at: now,
            next_run_at: recurrence.next(now, None),
            last_run_at: None,
            last_job_id: None,
            queue: options.queue,
            priority: options.priority,
            max_attempts: options
                .max_attempts
                .and_then(|attempts| i32::try_from(attempts).ok()),
            declared_by: None,
            declaration: None,
        };
        Ok((new, self.paused))
    }

    /// Stores it, as awaiting it does, and says whether it is new.
    ///
    /// # Errors
    ///
    /// The same as awaiting it.
    pub async fn store(self) -> Result<StoredSchedule, JobError> {
        let scheduler = self.scheduler.clone();
        let (name, only_if_absent) = (self.name.clone(), self.only_if_absent);
        let (new, paused) = self.row()?;
        let stored: Result<UpsertedSchedule, JobError> = scheduler
            .session()
            .transaction_with_retries(async |tx| {
                let mut stored = upsert(tx, new.clone()).await?;
                if only_if_absent && !stored.created {
                    return Err(JobError::ScheduleExists(name.clone()));
                }
                if let Some(paused) = paused {
                    let now = scheduler.clock().now();
                    stored.row = set_paused(tx, &name, paused, now).await?;
                }
                Ok(stored)
            })
            .await;
        let UpsertedSchedule { row, created } = stored?;
        scheduler.wake();
        Ok(StoredSchedule {
            schedule: row.record(|task, params| scheduler.masked(task, params)),
            created,
        })
    }
}

impl IntoFuture for Schedule {
    type Output = Result<ScheduleRecord, JobError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(self.store().await?.schedule) })
    }
}
