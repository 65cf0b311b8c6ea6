//! A schedule as it is made.

use std::future::IntoFuture;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use super::is_name;
use super::record::ScheduleRecord;
use super::recurrence::Recurrence;
use super::row::{Row, upsert};
use crate::jobs::error::JobError;
use crate::jobs::scheduler::Scheduler;
use crate::jobs::submit::{Checked, check_description, storable};

/// A schedule that is about to be stored: say when it runs, and `.await` it.
#[must_use = "nothing is stored before it is awaited"]
#[derive(Debug)]
pub struct Schedule {
    scheduler: Scheduler,
    name: String,
    call: Result<Checked, JobError>,
    description: Option<String>,
    when: Option<When>,
    timezone: String,
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
        call: Result<Checked, JobError>,
    ) -> Self {
        Self {
            scheduler,
            name,
            call,
            description: None,
            when: None,
            timezone: "UTC".to_owned(),
        }
    }

    /// By a pattern of cron: minute, hour, day of the month, month, day of the week; with a sixth field before them for seconds, and
    /// a seventh after them for years. `@daily` and the like are patterns, too.
    ///
    /// Of a local time that is left out in spring, the run is when the gap ends; of one that comes twice in autumn, there is one
    /// run.
    pub fn cron(mut self, pattern: impl Into<String>) -> Self {
        self.when = Some(When::Cron(pattern.into()));
        self
    }

    /// The time zone of the pattern, by its name in the IANA database: `Europe/Berlin`. UTC unless set.
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

    /// What it is about.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    async fn store(self) -> Result<ScheduleRecord, JobError> {
        let wrong = |pointer, reason: &str| JobError::Option {
            pointer,
            reason: reason.to_owned(),
        };
        if !is_name(&self.name) {
            return Err(wrong(
                "/name",
                "is not 1 to 64 letters, digits, `_` and `-`",
            ));
        }
        let call = self.call?;
        if let Some(text) = &self.description {
            check_description(text)?;
        }
        let recurrence = match self.when {
            Some(When::Cron(pattern)) => Recurrence::cron(&pattern, &self.timezone)?,
            Some(When::Every(interval)) => Recurrence::every(interval)?,
            Some(When::Once(at)) => Recurrence::once(at)?,
            None => {
                return Err(wrong(
                    "/cron",
                    "or an interval, or a time is needed: when is it to run?",
                ));
            }
        };
        let now = self.scheduler.clock().now();
        let (cron, timezone, interval_us, once_at) = recurrence.columns();
        let new = Row {
            name: self.name,
            task_name: call.task,
            params: call.params,
            description: self.description.as_deref().map(storable),
            cron: cron.map(str::to_owned),
            timezone: timezone.to_owned(),
            interval_us,
            once_at,
            paused: 0,
            created_at: now,
            next_run_at: recurrence.next(now, None),
            last_run_at: None,
            last_job_id: None,
        };
        let stored: Result<Row, JobError> = self
            .scheduler
            .session()
            .transaction(async |tx| upsert(tx, new.clone()).await)
            .await;
        let record = stored?.record(&self.scheduler);
        self.scheduler.wake();
        Ok(record)
    }
}

impl IntoFuture for Schedule {
    type Output = Result<ScheduleRecord, JobError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.store())
    }
}
